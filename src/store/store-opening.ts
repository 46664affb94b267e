// Opening a ledger: the log first, which is the truth; then the index, which is brought up to it.

import { join } from "node:path";
import { systemTimers } from "../base/clock.ts";
import { type ChainPoint, chainPointOf, checkedEnd } from "./chain.ts";
import { closingUnless, LocalCommitLog, openLogTables } from "./commit-log.ts";
import type { StorePoint } from "./commit-state.ts";
import { examine } from "./examine.ts";
import { Indexer } from "./indexer.ts";
import { openSegments } from "./open-segments.ts";
import { Overlay } from "./overlay.ts";
import type { StoreOptions } from "./store-options.ts";
import { recoverPlace } from "./take-place.ts";
import { Trust } from "./trust.ts";
import { logTables, TxLog } from "./tx-log.ts";

/** What a ledger consists of. */
export interface StoreParts {
  readonly log: TxLog;
  readonly commitLog: LocalCommitLog;
  readonly overlay: Overlay;
  readonly indexer: Indexer;
  readonly committed: StorePoint;
  readonly end: ChainPoint;
  readonly trust: Trust;
}

/**
 * Opens or creates what a ledger consists of. `onProgress`: told when the index has caught up some. Returns when every committed
 * transaction is in the index or the overlay. Throws `locked`, `format_unsupported` or `damaged`.
 */
export async function openStoreParts(options: StoreOptions, onProgress: () => void): Promise<StoreParts> {
  const { directory, place, database, logger, timers = systemTimers } = options;
  await place.occupy();
  const logDirectory = logDirectoryOf(directory);
  const indexDirectory = indexDirectoryOf(directory);
  let log: TxLog | undefined;
  try {
    for (const environment of [logDirectory, indexDirectory]) await recoverPlace(options.driver, environment);
    const environments = { database, driver: options.driver, logDirectory, indexDirectory, logger };
    const lastEnd = await place.lastEnd();
    const distrusted = await examine(environments, lastEnd);
    await place.markOpen();
    const closedCleanly = lastEnd === "clean" ? [logDirectory, indexDirectory] : [];
    const trust = new Trust(options.driver, { distrusted, closedCleanly, beforeWrites: () => place.syncMarker() });
    const { driver } = trust;
    // An environment that is missing is made, written to, when it is opened.
    if (!(await driver.exists(indexDirectory))) await place.syncMarker();
    const tables = await openLogTables(driver, logDirectory);
    const opened = await closingUnless(
      tables.engine,
      async () =>
        new TxLog(database, tables, await openSegments(database, place, tables), options.valuesInSegments ?? false),
    );
    log = opened;
    const reopen = async (): Promise<TxLog["tables"]> => {
      await opened.tables.engine.close().catch(() => undefined);
      try {
        return await openLogTables(driver, logDirectory);
      } catch (error) {
        // A disk that takes no writes any more may still be read.
        opened.tables = logTables(await driver.open(logDirectory, { durable: true, readOnly: true }));
        throw error;
      }
    };
    const { commitsAlone = true, valuesInSegments = false } = options;
    const commitLog = await LocalCommitLog.open(opened, reopen, { commitsAlone, valuesInSegments });
    const committed = chainPointOf(opened, commitLog.committed);
    const end = checkedEnd(opened, database);
    const overlay = new Overlay();
    const indexParts = {
      database,
      driver,
      directory: indexDirectory,
      log: opened,
      overlay,
      logger,
      timers,
      requireWholeLog: () => driver.probe(logDirectory),
      onProgress,
      onReplay: options.onReplay,
    };
    const indexer = await Indexer.open(indexParts, committed.txId);
    return { log: opened, commitLog, overlay, indexer, committed, end, trust };
  } catch (error) {
    await abandon(options, log);
    throw error;
  }
}

/** Closes what was opened of a ledger that cannot be. */
export async function abandon({ place }: StoreOptions, log: TxLog | undefined): Promise<void> {
  await log?.tables.engine.close().catch(() => undefined);
  log?.segments?.close();
  await place.leave();
}

/** Where the log of the ledger in a directory is. */
export function logDirectoryOf(directory: string): string {
  return join(directory, "log");
}

/** Where its index is. */
export function indexDirectoryOf(directory: string): string {
  return join(directory, "index");
}
