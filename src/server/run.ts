// A server as a program: starts it, tells the person who started it what there is, and stops it when asked to.

import { RoomError } from "../base/errors.ts";
import { type ReadConfig, readConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { createLog } from "./log.ts";
import { type RunningServer, startServer } from "./main.ts";
import { Reloads } from "./reload.ts";
import { welcome } from "./welcome.ts";

const SAME_WISH_MS = 1000;

/** `given`: flags by name, as readConfig() takes them. Resolves to the exit code once the server has stopped. */
export async function runServer(given: ReadonlyMap<string, string | true>): Promise<number> {
  let settings: ReadConfig;
  try {
    settings = readConfig(given, process.env);
  } catch (error) {
    return explain(error);
  }
  const { config, warnings } = settings;
  const logger = await createLog(config.logFormat, config.logLevel);
  for (const warning of warnings) logger.warn({}, warning);
  // Heard from now on: whoever reads that the server is there may already want it gone.
  const stopAsked = stopSignal();
  const reloads = new Reloads(logger);
  process.on("SIGHUP", () => void reloads.run());
  let server: RunningServer;
  try {
    server = await startServer(config, { logger, reloads });
  } catch (error) {
    return explain(error);
  }
  process.stdout.write(welcome(server, config));
  const { port, metricsPort, directory } = server;
  logger.info(
    { address: config.address, port, ...(metricsPort !== undefined && { metricsPort }), directory },
    "serving",
  );
  const signal = await stopAsked;
  logger.info({ signal }, "stopping: calls under way end first");
  await server.close();
  logger.info({}, "shutdown completed");
  return 0;
}

/**
 * Resolves with the first signal; a later one ends the process at once, for those who cannot wait. One that follows on its
 * heels is the same wish twice: a terminal signals every process of a group, and npm passes on what it gets.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedMs: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (askedMs !== undefined && Date.now() - askedMs > SAME_WISH_MS) process.exit(1);
        askedMs ??= Date.now();
        resolve(signal);
      });
    }
  });
}

/** What went wrong at start and what to do next, for a person. */
function explain(error: unknown): number {
  const known = error instanceof StartError || error instanceof RoomError;
  const message = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const hint = error instanceof StartError ? error.hint : hintFor(error);
  process.stderr.write(`immudb cannot start: ${message}\n${hint === "" ? "" : `next: ${hint}\n`}`);
  return 1;
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
  return (error as { code?: unknown } | null)?.code === "EACCES"
    ? "choose a directory you may write to with --dir"
    : "";
}
