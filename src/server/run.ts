// A server as a program: starts it, tells the person who started it what there is, and stops it when asked to.

import { RoomError } from "../base/errors.ts";
import { type ReadConfig, readConfig, type ServerConfig } from "./config.ts";
import { cannotLog, startDetached, tellStarter } from "./detached.ts";
import { StartError } from "./errors.ts";
import { createLog, type Log } from "./log.ts";
import { type RunningServer, startServer } from "./main.ts";
import { PidFile } from "./pid-file.ts";
import { Reloads } from "./reload.ts";
import { stopSignal } from "./signals.ts";
import { startSummary, welcome } from "./welcome.ts";

/** `given`: flags by name, as readConfig() takes them. Resolves to the exit code once the server has stopped. */
export async function runServer(given: ReadonlyMap<string, string | true>): Promise<number> {
  try {
    const settings = readConfig(given, process.env);
    const { detached, logFile } = settings.config;
    if (!detached || logFile === undefined) return await serve(settings);
    process.stdout.write(await startDetached(logFile.path));
    return 0;
  } catch (error) {
    const told = explanation(error);
    process.stderr.write(`immudb cannot start: ${told}`);
    await tellStarter({ failed: told });
    return 1;
  }
}

/** Rejects only with what keeps the server from starting. */
async function serve({ config, warnings }: ReadConfig): Promise<number> {
  const pidFile = config.pidFile === undefined ? undefined : PidFile.claim(config.pidFile);
  try {
    const log = openLog(config);
    const { logger } = log;
    for (const warning of warnings) logger.warn({}, warning);
    const reloads = new Reloads(logger);
    if (config.logFile !== undefined) reloads.add("the log file", () => log.reopen());
    // Heard from now on: whoever reads that the server is there may already want it gone.
    const stopAsked = stopSignal(reloads);
    const server = await startServer(config, { logger, reloads });
    if (config.logFormat === "text") process.stdout.write(welcome(server, config));
    logger.info(startSummary(server, config), "serving");
    await tellStarter({ serving: true });
    return await stopped(server, stopAsked, log);
  } finally {
    pidFile?.release();
  }
}

/** Resolves to the exit code. */
async function stopped(server: RunningServer, stopAsked: Promise<NodeJS.Signals>, { logger }: Log): Promise<number> {
  const signal = await stopAsked;
  logger.info({ signal }, "stopping: calls under way end first");
  try {
    await server.close();
  } catch (error) {
    logger.error({ err: error }, "shutdown failed: the next start looks at everything that is on disk");
    return 1;
  }
  logger.info({}, "shutdown completed");
  return 0;
}

function openLog({ logFormat, logLevel, logFile }: ServerConfig): Log {
  try {
    return createLog({ format: logFormat, level: logLevel, file: logFile });
  } catch (error) {
    throw cannotLog(logFile?.path ?? "", error as Error);
  }
}

/** What went wrong at start and what to do next, for a person. */
function explanation(error: unknown): string {
  const known = error instanceof StartError || error instanceof RoomError || isFromSystem(error);
  const message = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const hint = error instanceof StartError ? error.hint : hintFor(error);
  return `${message}\n${hint === "" ? "" : `next: ${hint}\n`}`;
}

function hintFor(error: unknown): string {
  if (error instanceof RoomError && error.code === "locked") {
    return "stop the server that uses this data directory, or choose another one with --dir";
  }
  if (error instanceof RoomError && error.code === "format_unsupported") {
    return "use the version that wrote this data directory, or choose another one with --dir";
  }
  if (error instanceof RoomError && error.code === "damaged") {
    return "restore the data directory from a backup, or see what is left with immudb verify --dir";
  }
  return isFromSystem(error) ? "choose a directory you may write to with --dir" : "";
}

/** A call of the system was refused: what it says is all there is to know. */
function isFromSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
