// The log: lines for people (text-line.ts) or JSON for machines (pino), to standard error or to a file (log-file.ts). Written
// synchronously either way, so that the last line of a stopping process is there.

import { pino } from "pino";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/observe.ts";
import type { LogLevel } from "./config.ts";
import { LogFile, type LogFileOptions } from "./log-file.ts";
import { type Fields, textLine } from "./text-line.ts";

const STDERR = 2;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogOptions {
  readonly format: "text" | "json";
  readonly level: LogLevel;
  /** Undefined: standard error. */
  readonly file: LogFileOptions | undefined;
}

export interface Log {
  readonly logger: Logger;
  /** Opens the file again that is logged to, if it is one. Throws, and goes on with the old one, when it cannot. */
  reopen(): void;
}

/** Where lines go. */
interface Target {
  write(line: string): void;
}

/** Throws what the file system says when the file cannot be opened. */
export function createLog({ format, level, file }: LogOptions): Log {
  const makeLogger = (target: Target): Logger =>
    format === "json" ? jsonLogger(level, target) : textLogger(level, target, file === undefined && hasColors());
  if (file === undefined) return { logger: makeLogger(standardError()), reopen: () => {} };
  const target = new LogFile(file, systemClock, (lines) => lineOf(makeLogger, lines));
  return { logger: makeLogger(target), reopen: () => target.reopen() };
}

/** What stands in the log for lines that could not be written. */
function lineOf(makeLogger: (target: Target) => Logger, lines: number): string {
  const written: string[] = [];
  makeLogger({ write: (line) => written.push(line) }).error(
    { lines },
    "lines are missing here: they could not be written",
  );
  return written.join("");
}

function standardError(): Target {
  const destination = pino.destination({ fd: STDERR, sync: true });
  // A terminal or a pipe that has gone is no reason to stop serving.
  destination.on("error", () => {});
  return destination;
}

function hasColors(): boolean {
  return process.stderr.isTTY && process.stderr.hasColors();
}

function jsonLogger(level: LogLevel, target: Target): Logger {
  const options = {
    level,
    base: { component: "immudb" },
    messageKey: "message",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, target);
}

function textLogger(least: LogLevel, target: Target, colored: boolean): Logger {
  const writer = (level: LogLevel): ((fields: Fields, message: string) => void) =>
    LEVELS.indexOf(level) < LEVELS.indexOf(least)
      ? () => {}
      : (fields, message) => target.write(textLine(new Date(), level, fields, message, colored));
  return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
}
