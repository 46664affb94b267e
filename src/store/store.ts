// The ledger of one database: what the rooms above see. It ties committer, overlay and indexer together (store-opening.ts opens
// them); the reading below is answered by tx-log (by transaction) and key-reader (by key).

import { systemTimers } from "../base/clock.ts";
import { FOREIGN_TXS_AHEAD_MAX, OVERLAY_VERSIONS_MAX, PRECOMMITTED_TXS_MAX } from "../base/limits.ts";
import type { TxHeader } from "../proof/model.ts";
import { Arrivals, type Arrived } from "./arrivals.ts";
import { chainPointOf } from "./chain.ts";
import type { LocalCommitLog } from "./commit-log.ts";
import { CommitState, type StorePoint } from "./commit-state.ts";
import { Committer } from "./committer.ts";
import { StoreError } from "./errors.ts";
import { ForeignTx } from "./foreign-tx.ts";
import type { CompactionRule } from "./index-compaction.ts";
import { indexableFromLog } from "./indexable.ts";
import type { Indexer } from "./indexer.ts";
import { type KeyRange, KeyReader, type KeyVersion } from "./key-reader.ts";
import type { VersionRecord } from "./layout.ts";
import type { Overlay } from "./overlay.ts";
import { checkPrecondition } from "./readable.ts";

import { abandon, indexDirectoryOf, logDirectoryOf, openStoreParts, type StoreParts } from "./store-opening.ts";
import type { StoreModes, StoreOptions } from "./store-options.ts";

import { Truncations } from "./truncations.ts";
import type { Trust } from "./trust.ts";
import type { StoreSettings } from "./tx-limits.ts";
import type { TxLog } from "./tx-log.ts";
import { type Precondition, specBytes, type TxSpec } from "./tx-spec.ts";
import { type ValueSpool, ValueSpools } from "./value-spool.ts";

export class Store implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #log: TxLog;
  readonly #commitLog: LocalCommitLog;
  readonly #overlay: Overlay;
  readonly #indexer: Indexer;
  readonly #committer: Committer;
  readonly #keys: KeyReader;
  readonly #trust: Trust;
  readonly #state: CommitState;
  readonly #arrivals: Arrivals;
  readonly #spools: ValueSpools;
  #dropsIndex = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  readonly #truncations: Truncations;

  private constructor(options: StoreOptions, parts: StoreParts) {
    const { log, commitLog, overlay, indexer, committed, end, trust } = parts;
    this.#options = options;
    this.#log = log;
    this.#commitLog = commitLog;
    this.#overlay = overlay;
    this.#indexer = indexer;
    this.#trust = trust;
    this.#spools = new ValueSpools(log.segments, options.space);
    const { timers = systemTimers } = options;
    this.#state = new CommitState({ commitLog, committed, timers, onCommitted: (txs) => indexer.add(txs) });
    this.#keys = new KeyReader(options.database, overlay, () => indexer.tables);
    this.#committer = new Committer({
      commitLog,
      point: end,
      overlay,
      settings: options.settings,
      clock: options.clock,
      checkPreconditions: (preconditions, now) => this.#check(preconditions, now),
      onDurable: (group) => {
        options.onStored?.(group);
        this.#state.durable(group);
      },
      isBacklogged: () => this.#isBacklogged(),
      node: (level, index) => log.node(level, index),
    });
    const window = BigInt(options.foreignTxsAheadMax ?? FOREIGN_TXS_AHEAD_MAX);
    const arrivals = {
      timers,
      built: () => this.#committer.built,
      adopt: (foreign: ForeignTx) => this.#committer.adopt(foreign),
      header: (txId: bigint) => log.header(txId),
      alh: (txId: bigint) => log.alh(txId),
    };
    this.#arrivals = new Arrivals(arrivals, window);
    this.#truncations = new Truncations({
      database: options.database,
      log,
      place: { driver: trust.driver, directory: logDirectoryOf(options.directory) },
      exclusively: (action) => this.#committer.exclusively(() => commitLog.undisturbed(action)),
      logger: options.logger,
    });
    this.#readPrecommitted(end.txId);
  }

  /**
   * Opens or creates the ledger in a directory. Returns when every committed transaction is readable. Throws `locked`,
   * `format_unsupported` or `damaged`.
   */
  static async open(options: StoreOptions): Promise<Store> {
    let store: Store | undefined;
    const parts = await openStoreParts(options, () => store?.resumeCommits());
    try {
      store = new Store(options, parts);
    } catch (error) {
      await abandon(options, parts.log);
      throw error;
    }
    try {
      await store.#truncations.finish();
      store.#reportUnsound();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /**
   * From the next commit on these are the bounds and modes. Commits under way end first. What was precommitted is committed when
   * the log commits alone from now on.
   */
  async configure(settings: StoreSettings, modes: StoreModes): Promise<void> {
    this.#requireOpen();
    const { commitsAlone, valuesInSegments, foreignTxsAheadMax } = modes;
    await this.#committer.exclusively(async () => {
      await this.#commitLog.setCommitsAlone(commitsAlone);
      this.#log.valuesInSegments = valuesInSegments;
      this.#commitLog.valuesInSegments = valuesInSegments;
      this.#arrivals.window = BigInt(foreignTxsAheadMax);
      this.#committer.settings = settings;
    });
    this.#state.durable([]);
    this.#committer.resume();
  }

  /** Resolves when all that is committed now is in the index, and the index, if `synced`, on disk. Throws `index_behind`. */
  async flushIndex(synced: boolean): Promise<void> {
    this.#requireOpen();
    await this.#indexer.flush(this.committed.txId, synced);
  }

  /** Writes the index anew, packed. Throws `compaction_early`, `compaction_running`, `index_behind`. */
  async compactIndex(rule: CompactionRule): Promise<void> {
    this.#requireOpen();
    await this.#indexer.compact(rule);
  }

  /** Last acknowledged transaction: what readers see. */
  get committed(): StorePoint {
    return this.#state.committed;
  }

  /** Last durable transaction. */
  get precommitted(): StorePoint {
    return this.#committer.durable;
  }

  /** Last transaction that the index holds. */
  get indexed(): bigint {
    return this.#indexer.indexed;
  }

  /** Whether writes are refused until it is opened again, since it is not known what became of one. */
  get isReadOnly(): boolean {
    return this.#committer.refusal?.code === "read_only";
  }

  /** Bytes of log and index on disk. */
  sizeBytes(): number {
    this.#requireReadable();
    return this.#log.tables.engine.sizeBytes() + this.#indexer.sizeBytes() + (this.#log.segments?.sizeBytes ?? 0);
  }

  /**
   * For the values of a transaction that is received piece by piece; it is closed when the transaction was committed or will
   * not be. Throws `overloaded` when too many are received at once.
   */
  spool(): ValueSpool {
    this.#requireOpen();
    return this.#spools.open();
  }

  /** Resolves with the header when the transaction is committed. Rejects, when it has to be waited for, as untilCommitted(). */
  commit(spec: TxSpec): Promise<TxHeader> {
    return this.#state.acknowledged(this.precommit(spec), this.#committer);
  }

  /** Resolves with the header when the transaction is on disk. Where the log waits for others it is not committed yet. */
  precommit(spec: TxSpec): Promise<TxHeader> {
    return spec.spool === undefined ? this.#submit(spec) : spec.spool.finish().then(() => this.#submit(spec));
  }

  #submit(spec: TxSpec): Promise<TxHeader> {
    try {
      this.#requireRoom(specBytes(spec));
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#committer.commit(spec);
  }

  /** Throws `disk_low`, `index_behind`. */
  #requireRoom(bytes: number): void {
    this.#options.space?.requireRoom(bytes);
    if (this.#isBacklogged()) this.#indexer.requireRoom();
  }

  /**
   * Takes in a transaction that was made elsewhere, as the very transaction that it is there: same header, same Alh. Resolves when
   * it is on disk. `blob`, `trusted`: see ForeignTx. Rejects with what ForeignTx throws, `foreign_tx_ahead`, `tx_diverged`,
   * `overloaded`.
   */
  async adopt(blob: Uint8Array, trusted: boolean, signal: AbortSignal | undefined): Promise<Arrived> {
    this.#requireOpen();
    const foreign = new ForeignTx(blob, this.#committer.settings, trusted);
    this.#requireRoom(foreign.bytes);
    return this.#arrivals.take(foreign, signal);
  }

  /** Acknowledges precommitted transactions up to `txId`. */
  async commitUpTo(txId: bigint): Promise<void> {
    this.#requireOpen();
    await this.#state.commitUpTo(txId);
    this.#committer.resume();
  }

  /** The same for a log that waits for replicas, and nobody waits for it: they have what is precommitted up to `txId`. */
  acknowledge(txId: bigint): void {
    const { txId: last } = this.#committer.durable;
    const upTo = txId < last ? txId : last;
    if (upTo <= this.committed.txId) return;
    this.commitUpTo(upTo).catch((error: unknown) => {
      const { database, logger } = this.#options;
      const fields = { database, txId: String(upTo), error: String(error) };
      logger.error(fields, "what replicas acknowledged could not be committed: the next acknowledgement tries again");
    });
  }

  /** As CommitState.waitFor(): looks whenever a transaction is durable, committed or taken back. */
  waitFor(ready: () => boolean, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#state.waitFor(ready, ms, signal);
  }

  /** Resolves when the index holds all that is committed now, or cannot be written. */
  indexSettled(): Promise<void> {
    return this.#indexer.settled();
  }

  /** Takes back precommitted transactions after `txId`, as if they had never been. Throws `illegal_state` for committed ones. */
  async discardAfter(txId: bigint): Promise<void> {
    this.#requireOpen();
    await this.#committer.discardAfter(txId, async () => {
      await this.#commitLog.discardAfter(txId);
      this.#state.discarded(txId);
      this.#arrivals.reset();
      return chainPointOf(this.#log, txId);
    });
  }

  /**
   * Removes the bytes of all values of transactions before `txId`, which is committed. Headers, digests and proofs stay;
   * reads of these values answer `value_truncated`. Resolves when the bytes are gone. Safe to repeat.
   */
  async truncateBefore(txId: bigint): Promise<void> {
    this.#requireOpen();
    await this.#truncations.before(txId, this.committed.txId);
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
    return this.#keys.latest(key, this.committed.txId);
  }

  /** Revisions `first`..`last` of a store key, which exist. */
  revisions(key: Uint8Array, first: bigint, last: bigint, reverse: boolean): VersionRecord[] {
    this.#requireReadable();
    return this.#keys.revisions(key, first, last, reverse, this.committed.txId);
  }

  /** Latest versions of the store keys in a range. The iteration must end in the same turn of the event loop. */
  scan(range: KeyRange): Iterable<KeyVersion> {
    this.#requireReadable();
    return this.#keys.scan(range, this.committed.txId);
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
    return this.#overlay.size >= OVERLAY_VERSIONS_MAX || (!this.#commitLog.commitsAlone && this.#isTailFull());
  }

  /**
   * What is built counts, not only what is durable: a replica, which has the same bound, then has room for whatever its primary
   * can have before that commits more.
   */
  #isTailFull(): boolean {
    return this.#committer.built - this.committed.txId >= BigInt(PRECOMMITTED_TXS_MAX);
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

  #reportUnsound(): void {
    const { onUnsound, database, logger, directory: home } = this.#options;
    const indexDirectory = indexDirectoryOf(home);
    this.#trust.report((directory, error) => {
      if (this.#closing !== undefined) return;
      const environment = directory === indexDirectory ? "index" : "log";
      this.#dropsIndex = environment === "index" && error instanceof StoreError && error.code === "damaged";
      logger.error({ database, environment, error: String(error) }, "the database cannot stay open");
      onUnsound?.(environment, error);
    });
  }

  async #close(): Promise<void> {
    const writesEnded = this.#committer.close();
    await this.#truncations.ended();
    await writesEnded;
    this.#state.close();
    // Whoever was told just now that his write is stored may still read what proves it.
    await new Promise((resolve) => setImmediate(resolve));
    this.#isClosed = true;
    const closed = await Promise.allSettled([this.#indexer.close(), this.#log.tables.engine.close()]);
    this.#log.segments?.close();
    try {
      for (const result of closed) if (result.status === "rejected") throw result.reason;
      // As long as not all of it was looked at, the next stay is as careful as this one.
      if (this.#trust.isWhole) await this.#options.place.markClosed();
      if (this.#dropsIndex) await this.#options.driver.destroy(indexDirectoryOf(this.#options.directory));
    } finally {
      await this.#options.place.leave();
    }
  }

  /** Transactions that were precommitted when the store was closed: the writer's view has them, readers do not. */
  #readPrecommitted(last: bigint): void {
    for (let txId = this.committed.txId + 1n; txId <= last; txId++) {
      const tx = indexableFromLog(this.#log, txId);
      for (const version of tx.versions) this.#overlay.add(version.text, version);
      this.#state.durable([tx]);
    }
  }

  #check(preconditions: readonly Precondition[], nowSeconds: bigint): void {
    const built = 2n ** 64n;
    for (const precondition of preconditions) {
      checkPrecondition(precondition, this.#keys.latest(precondition.key, built), nowSeconds);
    }
  }
}
