// The log: pino, to standard error, as text for people or as JSON for machines.

import { type DestinationStream, pino } from "pino";
import type { Logger } from "../base/observe.ts";
import type { LogLevel } from "./config.ts";

const STDERR = 2;

/** Written synchronously, so that the last line of a stopping process is there. */
export async function createLog(format: "text" | "json", level: LogLevel): Promise<Logger> {
  const options = {
    level,
    base: { component: "immudb" },
    messageKey: "message",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const destination = format === "json" ? pino.destination({ fd: STDERR, sync: true }) : await prettyDestination();
  const logger: Logger = pino(options, destination);
  return logger;
}

/** For people; loaded only for them. */
async function prettyDestination(): Promise<DestinationStream> {
  const { default: pretty } = await import("pino-pretty");
  return pretty({
    destination: STDERR,
    sync: true,
    colorize: process.stderr.isTTY,
    messageKey: "message",
    timestampKey: "timestamp",
    translateTime: "SYS:yyyy-mm-dd HH:MM:ss.l",
    ignore: "component",
    singleLine: true,
  });
}
