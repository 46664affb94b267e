// The index, written behind the commit: batches of committed versions in key order, each one LMDB transaction together with
// the watermark that says how far it came. It is derived data: when it and the log disagree it is dropped and rebuilt.
//
// A batch costs about as much as a hundred of its rows, and nobody waits for one, since the overlay answers: so a batch
// begins when enough is there, or after a while, or when somebody asks for everything to be indexed.

import { assert } from "../base/assert.ts";
import type { Timers } from "../base/clock.ts";
import {
  INDEX_BATCH_VERSIONS_MAX,
  INDEX_BATCH_VERSIONS_MIN,
  INDEX_LINGER_MS,
  OVERLAY_VERSIONS_MAX,
} from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { Arena } from "./arena.ts";
import type { EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { unlessDamaged } from "./examine.ts";
import { type CompactionRule, Flushes, rewriteIndex } from "./index-compaction.ts";
import { type IndexableTx, indexableFromLog } from "./indexable.ts";
import type { IndexTables } from "./key-reader.ts";
import type { IndexWatermark } from "./layout.ts";
import { matchesLog, type OpenIndex, openIndex, readWatermark, writeBatch } from "./open-index.ts";
import type { Overlay } from "./overlay.ts";
import type { TxLog } from "./tx-log.ts";

const RETRY_MS = 1000;

export interface IndexerParts {
  readonly database: string;
  readonly driver: EngineDriver;
  readonly directory: string;
  readonly log: TxLog;
  readonly overlay: Overlay;
  readonly logger: Logger;
  readonly timers: Timers;
  /** Throws `damaged` when the log has lost transactions. */
  readonly requireWholeLog: () => Promise<unknown>;
  /** Called after each batch: the overlay has shrunk. */
  readonly onProgress: () => void;
  /** Told while the index is brought up to the log: the transaction it holds, and the last one. */
  readonly onReplay?: ((indexed: bigint, last: bigint) => void) | undefined;
}

export class Indexer {
  readonly #parts: IndexerParts;
  #index: OpenIndex;
  #watermark: IndexWatermark;
  readonly #arena = new Arena();
  #queue: IndexableTx[] = [];
  /** Versions of the transactions in the queue. */
  #queuedVersions = 0;
  #running: Promise<void> | undefined;
  /** Why the last batch could not be written; undefined when it was. */
  #failure: unknown;
  /** Calls off the next batch or attempt; undefined when none waits for its time. */
  #cancelPause: (() => void) | undefined;
  #isRetrying = false;
  /** Nothing is written before it was found sound: closing would have to wait for that. */
  #isSound: boolean;
  /** Who waits for everything to be indexed. */
  #hurrying = 0;
  /** Who waits for a transaction to be indexed. */
  #watchers: { readonly txId: bigint; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  /** Actions that run or wait to run while no batch is written. */
  #exclusive = 0;
  readonly #flushes: Flushes;
  #compaction: Promise<void> | undefined;

  private constructor(parts: IndexerParts, index: OpenIndex, watermark: IndexWatermark) {
    this.#parts = parts;
    this.#index = index;
    this.#watermark = watermark;
    this.#flushes = new Flushes(watermark.txId);
    this.#isSound = index.engine.sound === undefined;
    index.engine.sound?.then(
      () => {
        this.#isSound = true;
        this.#start();
      },
      // Whoever opened it is told, too.
      () => undefined,
    );
  }

  /**
   * Opens the index and brings it, with the overlay, up to `committed`. One that is damaged or does not belong to this log is
   * built again, once the log is known not to be at fault: the index was the witness of how far it went.
   */
  static async open(parts: IndexerParts, committed: bigint): Promise<Indexer> {
    const { database, driver, directory: indexDirectory, logger } = parts;
    const open = (): Promise<Indexer | undefined> => Indexer.#upTo(parts, committed);
    const indexer = await unlessDamaged({ database, driver, indexDirectory, logger }, open);
    if (indexer !== undefined) return indexer;
    await parts.requireWholeLog();
    const rebuilt = await open();
    assert(rebuilt !== undefined, "a new index belongs to any log");
    return rebuilt;
  }

  /** undefined: it does not belong to this log, and is dropped. */
  static async #upTo(parts: IndexerParts, committed: bigint): Promise<Indexer | undefined> {
    const index = await openIndex(parts.driver, parts.directory);
    let indexed: bigint | undefined;
    try {
      const watermark = readWatermark(index);
      if (watermark !== undefined && matchesLog(watermark, parts.log, committed)) {
        const indexer = new Indexer(parts, index, watermark);
        const waiting = watermark.txId === 0n ? [] : lastOf(parts.log, watermark.txId, committed);
        await indexer.#replay(waiting[0] === undefined ? committed : waiting[0].txId - 1n);
        indexer.#addToOverlay(waiting);
        return indexer;
      }
      indexed = watermark?.txId;
    } catch (error) {
      await index.engine.close();
      throw error;
    }
    parts.logger.warn(
      { database: parts.database, indexed: String(indexed) },
      "index and log disagree: rebuilding the index",
    );
    await index.engine.close();
    await parts.driver.destroy(parts.directory);
    return undefined;
  }

  get tables(): IndexTables {
    return this.#index;
  }

  /** Last transaction that the index holds. */
  get indexed(): bigint {
    return this.#watermark.txId;
  }

  /** Throws `disk_low` while there is no room for the next batch: waiting for it could take for ever. */
  requireRoom(): void {
    if (this.#failure instanceof StoreError && this.#failure.code === "disk_low") throw this.#failure;
  }

  sizeBytes(): number {
    return this.#index.engine.sizeBytes();
  }

  /** Hands over committed transactions, in order. */
  add(txs: readonly IndexableTx[]): void {
    for (const tx of txs) {
      this.#queue.push(tx);
      this.#queuedVersions += tx.versions.length;
    }
    this.#start();
  }

  /** Resolves when all that was handed over is indexed, or a batch failed or cannot be written yet (it is tried later). */
  async settled(): Promise<void> {
    this.#hurrying++;
    this.#start();
    while (this.#running !== undefined) await this.#running;
    this.#hurrying--;
  }

  /** Resolves when the transaction, which is committed, is indexed, and the index, if `synced`, on disk. Throws `index_behind`. */
  async flush(txId: bigint, synced: boolean): Promise<void> {
    await this.#reach(txId);
    if (synced) await this.#index.engine.sync();
    this.#flushes.flushed(txId);
  }

  /**
   * Writes the index anew, packed, and goes on with that. Reads and batches go on meanwhile. Throws `compaction_early`,
   * `compaction_running`, `index_behind`.
   */
  async compact(rule: CompactionRule): Promise<void> {
    if (this.#compaction !== undefined) throw new StoreError("compaction_running", "the index is being written anew");
    this.#flushes.requireEnough(rule);
    this.#requireWritable();
    this.#compaction = this.#compact().finally(() => {
      this.#compaction = undefined;
    });
    await this.#compaction;
  }

  /** What is not indexed then is indexed at the next start. */
  async close(): Promise<void> {
    await this.#compaction?.catch(() => undefined);
    await this.settled();
    this.#cancelPause?.();
    await this.#index.engine.close();
  }

  #requireWritable(): void {
    if (this.#isSound && !this.#isRetrying) return;
    throw new StoreError("index_behind", "the index cannot be written now", {}, this.#failure);
  }

  async #reach(txId: bigint): Promise<void> {
    if (this.#watermark.txId >= txId) return;
    this.#requireWritable();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#watchers.push({ txId, resolve, reject });
    this.#hurrying++;
    this.#start();
    await promise.finally(() => this.#hurrying--);
  }

  async #compact(): Promise<void> {
    const { database, driver, directory, log, logger } = this.#parts;
    const before = this.sizeBytes();
    await rewriteIndex({
      driver,
      directory,
      log,
      served: () => ({ index: this.#index, watermark: this.#watermark }),
      exclusively: (action) => this.#exclusively(action),
      use: (index) => {
        this.#index = index;
      },
    });
    this.#flushes.compacted(this.#watermark.txId);
    logger.info({ database, bytesBefore: before, bytes: this.sizeBytes() }, "the index was written anew");
  }

  /** Runs an action while no batch is being written. */
  async #exclusively(action: () => Promise<void>): Promise<void> {
    this.#exclusive++;
    while (this.#running !== undefined) await this.#running;
    const done = action();
    this.#running = done
      .catch(() => undefined)
      .finally(() => {
        this.#exclusive--;
        this.#running = undefined;
        this.#start();
      });
    await done;
  }

  /** Writes a batch, now or when it is worth it. */
  #start(): void {
    if (this.#running !== undefined || this.#isRetrying || !this.#isSound || this.#queue.length === 0) return;
    if (this.#exclusive > 0) return;
    if (!this.#isWorthIt()) {
      this.#cancelPause ??= this.#pause(INDEX_LINGER_MS);
      return;
    }
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#start();
    });
  }

  #isWorthIt(): boolean {
    return this.#hurrying > 0 || this.#queuedVersions >= INDEX_BATCH_VERSIONS_MIN;
  }

  /** Goes on after a while. */
  #pause(ms: number): () => void {
    return this.#parts.timers.after(ms, () => {
      this.#cancelPause = undefined;
      this.#isRetrying = false;
      this.#hurrying++;
      this.#start();
      this.#hurrying--;
    });
  }

  async #run(): Promise<void> {
    try {
      do {
        const batch = takeBatch(this.#queue);
        this.#advance(batch.length, await this.#write(batch));
      } while (this.#queue.length > 0 && this.#isWorthIt() && this.#exclusive === 0);
    } catch (error) {
      this.#failure = error;
      // Nothing is lost: the overlay still holds these versions, and commits wait when it is full.
      this.#parts.logger.error(
        { database: this.#parts.database, error: String(error) },
        "writing the index failed: trying again",
      );
      await this.#lookAgain().catch(() => undefined);
      for (const { reject } of this.#watchers.splice(0)) {
        reject(new StoreError("index_behind", "the index could not be written", {}, error));
      }
      this.#isRetrying = true;
      this.#cancelPause = this.#pause(RETRY_MS);
    }
  }

  /** The index holds the first `count` waiting transactions now: queue and overlay need not. */
  #advance(count: number, watermark: IndexWatermark): void {
    this.#watermark = watermark;
    this.#failure = undefined;
    for (const { versions } of this.#queue.splice(0, count)) {
      this.#queuedVersions -= versions.length;
      for (const { key, text } of versions) {
        this.#index.recent.drop(key);
        this.#parts.overlay.dropThrough(text, watermark.txId);
      }
      this.#flushes.indexed(versions.length);
    }
    if (this.#watchers.length > 0) this.#tell();
    this.#parts.onProgress();
  }

  #tell(): void {
    const watchers = this.#watchers;
    this.#watchers = watchers.filter(({ txId }) => txId > this.#watermark.txId);
    for (const { txId, resolve } of watchers) if (txId <= this.#watermark.txId) resolve();
  }

  /** A batch that failed may be there all the same, and an environment that failed may answer nothing until it is reopened. */
  async #lookAgain(): Promise<void> {
    const stored = await this.#storedWatermark();
    if (stored === undefined || stored.txId <= this.#watermark.txId) return;
    const next = this.#queue.findIndex((tx) => tx.txId > stored.txId);
    this.#advance(next < 0 ? this.#queue.length : next, stored);
  }

  async #storedWatermark(): Promise<IndexWatermark | undefined> {
    try {
      this.#index.engine.refresh();
      return readWatermark(this.#index);
    } catch {
      await this.#index.engine.close().catch(() => undefined);
      this.#index = await openIndex(this.#parts.driver, this.#parts.directory);
      return readWatermark(this.#index);
    }
  }

  #write(txs: readonly IndexableTx[]): Promise<IndexWatermark> {
    return writeBatch(this.#index, this.#watermark, txs, this.#arena);
  }

  /** What the overlay has room for is served from there, and indexed later. */
  #addToOverlay(txs: readonly IndexableTx[]): void {
    for (const { versions } of txs) for (const version of versions) this.#parts.overlay.add(version.text, version);
    this.add(txs);
  }

  /** Indexes what the log has and the index lacks. Nothing is served before that, so it bypasses the overlay. */
  async #replay(committed: bigint): Promise<void> {
    const first = this.#watermark.txId + 1n;
    if (first > committed) return;
    const { log, logger, database, onReplay } = this.#parts;
    let batch: IndexableTx[] = [];
    let versions = 0;
    for (let txId = first; txId <= committed; txId++) {
      const tx = indexableFromLog(log, txId);
      batch.push(tx);
      versions += tx.versions.length;
      if (versions >= INDEX_BATCH_VERSIONS_MAX || txId === committed) {
        this.#watermark = await this.#write(batch);
        onReplay?.(txId, committed);
        batch = [];
        versions = 0;
      }
    }
    logger.info({ database, from: String(first), to: String(committed) }, "index caught up with the log");
  }
}

/** The last transactions of those after `indexed`: as many as fill half of the overlay. */
function lastOf(log: TxLog, indexed: bigint, committed: bigint): IndexableTx[] {
  const txs: IndexableTx[] = [];
  let versions = 0;
  for (let txId = committed; txId > indexed; txId--) {
    const tx = indexableFromLog(log, txId);
    versions += tx.versions.length;
    if (versions > OVERLAY_VERSIONS_MAX / 2) break;
    txs.push(tx);
  }
  return txs.reverse();
}

function takeBatch(queue: readonly IndexableTx[]): IndexableTx[] {
  let versions = 0;
  let count = 0;
  for (const tx of queue) {
    if (count > 0 && versions + tx.versions.length > INDEX_BATCH_VERSIONS_MAX) break;
    versions += tx.versions.length;
    count++;
  }
  return queue.slice(0, count);
}
