// The ledger of one database: what the rooms above see. It opens the log, brings the index up to it, and ties committer,
// overlay and indexer together; the reading below is answered by tx-log (by transaction) and key-reader (by key).

import { join } from "node:path";
import { systemTimers } from "../base/clock.ts";
import { OVERLAY_VERSIONS_MAX } from "../base/limits.ts";
import type { TxHeader } from "../proof/model.ts";
import { type ChainPoint, chainPointOf, checkedEnd } from "./chain.ts";
import { closingUnless, LocalCommitLog, openLogTables } from "./commit-log.ts";
import { Committer, type Precondition, type StoreSettings, specBytes, type TxSpec } from "./committer.ts";
import { StoreError } from "./errors.ts";
import { examine } from "./examine.ts";
import type { CompactionRule } from "./index-compaction.ts";
import { type IndexableTx, indexableFromLog } from "./indexable.ts";
import { Indexer } from "./indexer.ts";
import { type KeyRange, KeyReader, type KeyVersion } from "./key-reader.ts";
import type { VersionRecord } from "./layout.ts";
import { openSegments } from "./open-segments.ts";
import { Overlay } from "./overlay.ts";
import { checkPrecondition } from "./readable.ts";
import type { StoreOptions } from "./store-options.ts";
import { recoverPlace } from "./take-place.ts";
import { finishTruncation, type LogPlace, requireTruncatable, truncateValues } from "./truncate.ts";
import { Trust } from "./trust.ts";
import { logTables, TxLog } from "./tx-log.ts";

export type { StoreOptions } from "./store-options.ts";

/** A point of the chain as a client knows it: id and Alh. */
export interface StorePoint {
  readonly txId: bigint;
  readonly alh: Uint8Array;
}

interface StoreParts {
  readonly log: TxLog;
  readonly commitLog: LocalCommitLog;
  readonly overlay: Overlay;
  readonly indexer: Indexer;
  readonly committed: StorePoint;
  readonly end: ChainPoint;
  readonly trust: Trust;
}

export class Store implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #log: TxLog;
  readonly #commitLog: LocalCommitLog;
  readonly #overlay: Overlay;
  readonly #indexer: Indexer;
  readonly #committer: Committer;
  readonly #keys: KeyReader;
  readonly #trust: Trust;
  #dropsIndex = false;
  #committed: StorePoint;
  /** Durable transactions that may not be seen yet. */
  #precommitted: IndexableTx[] = [];
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #truncation: Promise<void> = Promise.resolve();

  private constructor(options: StoreOptions, parts: StoreParts) {
    const { log, commitLog, overlay, indexer, committed, end, trust } = parts;
    this.#options = options;
    this.#log = log;
    this.#commitLog = commitLog;
    this.#overlay = overlay;
    this.#indexer = indexer;
    this.#trust = trust;
    this.#committed = committed;
    this.#keys = new KeyReader(options.database, overlay, () => indexer.tables);
    this.#committer = new Committer({
      commitLog,
      point: end,
      overlay,
      settings: options.settings,
      clock: options.clock,
      checkPreconditions: (preconditions, now) => this.#check(preconditions, now),
      onDurable: (group) => this.#durable(group),
      isBacklogged: () => this.#isBacklogged(),
    });
    this.#readPrecommitted(end.txId);
  }

  /**
   * Opens or creates the ledger in a directory. Returns when every committed transaction is readable. Throws `locked`,
   * `format_unsupported` or `damaged`.
   */
  static async open(options: StoreOptions): Promise<Store> {
    const { directory, place, database, logger, timers = systemTimers } = options;
    await place.occupy();
    const logDirectory = join(directory, "log");
    const indexDirectory = join(directory, "index");
    let log: TxLog | undefined;
    let store: Store | undefined;
    try {
      for (const directory of [logDirectory, indexDirectory]) await recoverPlace(options.driver, directory);
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
        async () => new TxLog(database, tables, await openSegments(options, tables)),
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
      const onProgress = (): void => store?.resumeCommits();
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
      store = new Store(options, { log: opened, commitLog, overlay, indexer, committed, end, trust });
      await store.#finishTruncation();
      store.#reportUnsound(indexDirectory);
      return store;
    } catch (error) {
      if (store !== undefined) {
        await store.close();
        throw error;
      }
      await log?.tables.engine.close().catch(() => undefined);
      log?.segments?.close();
      await place.leave();
      throw error;
    }
  }

  /**
   * From the next commit on these are the bounds, and whether values are kept so that truncation is cheap. Commits under way
   * end first.
   */
  async configure(settings: StoreSettings, valuesInSegments: boolean): Promise<void> {
    this.#requireOpen();
    await this.#committer.exclusively(async () => {
      const { database, place } = this.#options;
      this.#log.segments ??= await openSegments({ database, place, valuesInSegments }, this.#log.tables);
      this.#commitLog.valuesInSegments = valuesInSegments;
      this.#committer.settings = settings;
    });
  }

  /** Resolves when all that is committed now is in the index, and the index, if `synced`, on disk. Throws `index_behind`. */
  async flushIndex(synced: boolean): Promise<void> {
    this.#requireOpen();
    await this.#indexer.flush(this.#committed.txId, synced);
  }

  /** Writes the index anew, packed. Throws `compaction_early`, `compaction_running`, `index_behind`. */
  async compactIndex(rule: CompactionRule): Promise<void> {
    this.#requireOpen();
    await this.#indexer.compact(rule);
  }

  /** Last acknowledged transaction: what readers see. */
  get committed(): StorePoint {
    return this.#committed;
  }

  /** Last durable transaction. */
  get precommitted(): StorePoint {
    return this.#committer.durable;
  }

  /** Last transaction that the index holds. */
  get indexed(): bigint {
    return this.#indexer.indexed;
  }

  /** Bytes of log and index on disk. */
  sizeBytes(): number {
    this.#requireReadable();
    return this.#log.tables.engine.sizeBytes() + this.#indexer.sizeBytes() + (this.#log.segments?.sizeBytes ?? 0);
  }

  /** Resolves with the header when the transaction is on disk. */
  async commit(spec: TxSpec): Promise<TxHeader> {
    this.#options.space?.requireRoom(specBytes(spec));
    if (this.#isBacklogged()) this.#indexer.requireRoom();
    return this.#committer.commit(spec);
  }

  /** Acknowledges precommitted transactions up to `txId`. */
  async commitUpTo(txId: bigint): Promise<void> {
    this.#requireOpen();
    await this.#commitLog.commitUpTo(txId);
    this.#acknowledge();
  }

  /** Takes back precommitted transactions after `txId`, as if they had never been. Throws `illegal_state` for committed ones. */
  async discardAfter(txId: bigint): Promise<void> {
    this.#requireOpen();
    await this.#committer.discardAfter(txId, async () => {
      await this.#commitLog.discardAfter(txId);
      this.#precommitted = this.#precommitted.filter((tx) => tx.txId <= txId);
      return chainPointOf(this.#log, txId);
    });
  }

  /**
   * Removes the bytes of all values of transactions before `txId`, which is committed. Headers, digests and proofs stay;
   * reads of these values answer `value_truncated`. Resolves when the bytes are gone. Safe to repeat.
   */
  async truncateBefore(txId: bigint): Promise<void> {
    this.#requireOpen();
    requireTruncatable(txId, this.#committed.txId);
    await this.#truncating(() => truncateValues(this.#log, txId, this.#logPlace, this.#exclusively));
  }

  /** Values of transactions before this one are truncated. */
  get truncatedBefore(): bigint {
    return this.#log.truncatedBefore;
  }

  /** Transactions and proofs, by id. Bound checks are the caller's: readers see nothing past `committed`. */
  get log(): TxLog {
    this.#requireReadable();
    return this.#log;
  }

  /** Latest version of a store key as acknowledged; deletions and expired versions included. */
  latest(key: Uint8Array): VersionRecord | undefined {
    this.#requireReadable();
    return this.#keys.latest(key, this.#committed.txId);
  }

  /** Revisions `first`..`last` of a store key, which exist. */
  revisions(key: Uint8Array, first: bigint, last: bigint, reverse: boolean): VersionRecord[] {
    this.#requireReadable();
    return this.#keys.revisions(key, first, last, reverse, this.#committed.txId);
  }

  /** Latest versions of the store keys in a range. The iteration must end in the same turn of the event loop. */
  scan(range: KeyRange): Iterable<KeyVersion> {
    this.#requireReadable();
    return this.#keys.scan(range, this.#committed.txId);
  }

  /** Resolves when no write is under way and the index holds everything. */
  async settled(): Promise<void> {
    await this.#committer.settled();
    await this.#indexer.settled();
  }

  /** Ends accepted writes, syncs, closes. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Lets commits go on that waited for the index. */
  resumeCommits(): void {
    this.#committer.resume();
  }

  #isBacklogged(): boolean {
    return this.#overlay.size >= OVERLAY_VERSIONS_MAX;
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError();
  }

  /** Reading a closed environment would end the process. */
  #requireReadable(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  #closedError(): StoreError {
    return new StoreError("closed", `the database ${this.#options.database} is closed`);
  }

  get #logPlace(): LogPlace {
    return { driver: this.#trust.driver, directory: join(this.#options.directory, "log") };
  }

  readonly #exclusively = (action: () => Promise<void>): Promise<void> => this.#committer.exclusively(action);

  #reportUnsound(indexDirectory: string): void {
    const { onUnsound, database, logger } = this.#options;
    this.#trust.report((directory, error) => {
      if (this.#closing !== undefined) return;
      const environment = directory === indexDirectory ? "index" : "log";
      this.#dropsIndex = environment === "index" && error instanceof StoreError && error.code === "damaged";
      logger.error({ database, environment, error: String(error) }, "the database cannot stay open");
      onUnsound?.(environment, error);
    });
  }

  /**
   * A truncation that a crash interrupted is finished before anything is served. When it cannot be (a full disk), the
   * values are as unreadable as before, and the next truncation or start removes their bytes.
   */
  async #finishTruncation(): Promise<void> {
    const { database, logger } = this.#options;
    try {
      await this.#truncating(() => finishTruncation(this.#log, this.#logPlace, this.#exclusively));
    } catch (error) {
      logger.error(
        { database, error: String(error) },
        "a truncation cannot be finished: bytes of truncated values stay",
      );
    }
  }

  /** One truncation at a time; closing waits for it. */
  #truncating(action: () => Promise<void>): Promise<void> {
    const result = this.#truncation.then(action);
    this.#truncation = result.catch(() => undefined);
    return result;
  }

  async #close(): Promise<void> {
    const writesEnded = this.#committer.close();
    await this.#truncation;
    await writesEnded;
    // Whoever was told just now that his write is stored may still read what proves it.
    await new Promise((resolve) => setImmediate(resolve));
    this.#isClosed = true;
    const closed = await Promise.allSettled([this.#indexer.close(), this.#log.tables.engine.close()]);
    this.#log.segments?.close();
    try {
      for (const result of closed) if (result.status === "rejected") throw result.reason;
      // As long as not all of it was looked at, the next stay is as careful as this one.
      if (this.#trust.isWhole) await this.#options.place.markClosed();
      if (this.#dropsIndex) await this.#options.driver.destroy(join(this.#options.directory, "index"));
    } finally {
      await this.#options.place.leave();
    }
  }

  #durable(group: readonly IndexableTx[]): void {
    this.#precommitted.push(...group);
    this.#acknowledge();
  }

  #acknowledge(): void {
    const upTo = this.#commitLog.committed;
    const waiting = this.#precommitted;
    let count = 0;
    while (count < waiting.length && (waiting[count] as IndexableTx).txId <= upTo) count++;
    if (count === 0) return;
    const acknowledged = waiting.splice(0, count);
    const { txId, alh } = acknowledged.at(-1) as IndexableTx;
    this.#committed = { txId, alh };
    this.#indexer.add(acknowledged);
  }

  /** Transactions that were precommitted when the store was closed: the writer's view has them, readers do not. */
  #readPrecommitted(last: bigint): void {
    for (let txId = this.#committed.txId + 1n; txId <= last; txId++) {
      const tx = indexableFromLog(this.#log, txId);
      for (const version of tx.versions) this.#overlay.add(version.text, version);
      this.#precommitted.push(tx);
    }
  }

  #check(preconditions: readonly Precondition[], nowSeconds: bigint): void {
    const built = 2n ** 64n;
    for (const precondition of preconditions) {
      checkPrecondition(precondition, this.#keys.latest(precondition.key, built), nowSeconds);
    }
  }
}
