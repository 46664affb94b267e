// What is done about the environments of a database before they are opened in this process, depending on how the last stay
// ended (open-marker.ts):
//
//   clean               nothing: opening checks the first pages, and index and log are compared. Without an index that could
//                       tell how far the log went, the log is read to its end by another process
//   process died        the same, and neither is trusted: a page of either may be why it died
//   machine went down   the index, whose pages were never synced, is dropped; the log is read to its end by another process,
//                       and not trusted when that takes too long
//
// The log is the truth: when it is damaged the database is not opened. The index is derived: it is dropped.

import type { Logger } from "../base/observe.ts";
import type { EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";
import type { LastEnd } from "./open-marker.ts";

export interface Environments {
  readonly database: string;
  readonly driver: EngineDriver;
  readonly logDirectory: string;
  readonly indexDirectory: string;
  readonly logger: Logger;
}

/** Returns which environments must not be trusted. Throws `damaged` when the log is. */
export async function examine(environments: Environments, lastEnd: LastEnd): Promise<readonly string[]> {
  const { database, driver, logDirectory, indexDirectory, logger } = environments;
  if (lastEnd !== "clean") logger.warn({ database, lastEnd }, "the database was not closed cleanly");
  await requireLog(environments);
  if (lastEnd === "machine_went_down") await driver.destroy(indexDirectory);
  const hasLog = await driver.exists(logDirectory);
  const isWitnessed = await driver.exists(indexDirectory);
  if (!hasLog || isWitnessed) return lastEnd === "process_died" ? [logDirectory, indexDirectory] : [];
  if ((await driver.probe(logDirectory)) === "whole") return [];
  logger.warn({ database }, "the log is too long to be read to its end before it is opened: it is while it is served");
  return [logDirectory];
}

/** Runs what works on the index; drops the index when it is damaged and returns undefined. */
export async function unlessDamaged<T>(
  { database, driver, indexDirectory, logger }: Omit<Environments, "logDirectory">,
  run: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "damaged")) throw error;
    logger.warn({ database, error: error.message }, "the index is damaged: it is dropped and built again from the log");
    await driver.destroy(indexDirectory);
    return undefined;
  }
}

/** The log is made before the index: an index alone says that the log was lost, and a new one would pass for the old. */
async function requireLog({ database, driver, logDirectory, indexDirectory }: Environments): Promise<void> {
  if ((await driver.exists(logDirectory)) || !(await driver.exists(indexDirectory))) return;
  const message = `data is damaged: the log of database ${database} is gone: ${logDirectory}`;
  throw new StoreError("damaged", message, { database, file: logDirectory, what: "log" });
}
