// The log: pino, to standard error, as text for people or as JSON for machines.

import { pino } from "pino";
import pretty from "pino-pretty";
import type { Logger } from "../base/observe.ts";
import type { LogLevel } from "./config.ts";

const STDERR = 2;

/** Written synchronously, so that the last line of a stopping process is there. */
export function createLog(format: "text" | "json", level: LogLevel): Logger {
  const options = {
    level,
    base: { component: "immudb" },
    messageKey: "message",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === "json") return pino(options, pino.destination({ fd: STDERR, sync: true }));
  const text = pretty({
    destination: STDERR,
    sync: true,
    colorize: process.stderr.isTTY,
    messageKey: "message",
    timestampKey: "timestamp",
    translateTime: "SYS:yyyy-mm-dd HH:MM:ss.l",
    ignore: "component",
    singleLine: true,
  });
  return pino(options, text);
}
