// The index, written anew without the room that replaced rows have left in its file, while it is read and written:
//
//   index ──packed copy of what is committed──▶ index-rewrite ──what was indexed since, from the log──▶ … ──▶ it takes the
//   place of the index while no batch is written; reads go on with the old one until then
//
// When that is worth it follows the rule that clients know: after so many flushes since the last time. A call of FlushIndex
// that had something to flush is one; so is every `flushThreshold` of versions that were indexed by themselves.

import { assert } from "../base/assert.ts";
import { INDEX_BATCH_VERSIONS_MAX } from "../base/limits.ts";
import { Arena } from "./arena.ts";
import type { EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { type IndexableTx, indexableFromLog } from "./indexable.ts";
import type { IndexWatermark } from "./layout.ts";
import { type OpenIndex, openIndex, readWatermark, writeBatch } from "./open-index.ts";
import { replacedOf, rewrittenOf, takePlace } from "./take-place.ts";
import type { TxLog } from "./tx-log.ts";

/** Database settings of these names. */
export interface CompactionRule {
  /** Versions. */
  readonly flushThreshold: number;
  /** Flushes. */
  readonly compactionThld: number;
}

/** Counts flushes since the index was last written anew, or opened. */
export class Flushes {
  #count: number;
  #upTo: bigint;
  #versions = 0;

  /** Of an index that holds transactions up to `txId`. What it held when it was closed counts as flushed then. */
  constructor(txId: bigint) {
    this.#count = txId > 0n ? 1 : 0;
    this.#upTo = txId;
  }

  /** Somebody had the index flushed up to a transaction. */
  flushed(txId: bigint): void {
    if (txId <= this.#upTo) return;
    this.#upTo = txId;
    this.#count++;
  }

  /** So many versions were indexed. */
  indexed(versions: number): void {
    this.#versions += versions;
  }

  /** Throws `compaction_early`. */
  requireEnough({ flushThreshold, compactionThld: limit }: CompactionRule): void {
    const byThemselves = flushThreshold > 0 ? Math.floor(this.#versions / flushThreshold) : 0;
    if (this.#count + byThemselves >= limit) return;
    const data = { limit, setting: "compactionThld" };
    throw new StoreError("compaction_early", `fewer than ${limit} flushes since the last compaction`, data);
  }

  compacted(txId: bigint): void {
    this.#count = 0;
    this.#versions = 0;
    this.#upTo = txId;
  }
}

export interface Rewrite {
  readonly driver: EngineDriver;
  readonly directory: string;
  readonly log: TxLog;
  /** The index as it is served, and how far it has come. */
  readonly served: () => { readonly index: OpenIndex; readonly watermark: IndexWatermark };
  /** Runs an action while no batch is being written. */
  readonly exclusively: (action: () => Promise<void>) => Promise<void>;
  /** From now on this one is served. */
  readonly use: (index: OpenIndex) => void;
}

/** The copy stops chasing batches and makes them wait when no more transactions than this are left. */
const TAIL_TXS_MAX = 1000n;

export async function rewriteIndex({ driver, directory, log, served, exclusively, use }: Rewrite): Promise<void> {
  const target = rewrittenOf(directory);
  await driver.destroy(target);
  await served().index.engine.copy(target);
  const next = await openIndex(driver, target);
  try {
    let watermark = readWatermark(next);
    assert(watermark !== undefined, "a copy of an index says how far it came");
    const arena = new Arena();
    const catchUp = async (from: IndexWatermark): Promise<IndexWatermark> => {
      const txs = nextBatch(log, from.txId, served().watermark.txId);
      return txs.length === 0 ? from : writeBatch(next, from, txs, arena);
    };
    while (served().watermark.txId - watermark.txId > TAIL_TXS_MAX) watermark = await catchUp(watermark);
    await exclusively(async () => {
      while (watermark !== undefined && watermark.txId < served().watermark.txId) watermark = await catchUp(watermark);
      await next.engine.close();
      const old = served().index;
      use(await takePlace(driver, directory, () => openIndex(driver, directory)));
      await old.engine.close();
    });
  } catch (error) {
    await next.engine.close().catch(() => undefined);
    throw error;
  } finally {
    await driver.destroy(target);
    await driver.destroy(replacedOf(directory));
  }
}

/** Transactions after `after`, up to `last`, as many as one batch takes. */
function nextBatch(log: TxLog, after: bigint, last: bigint): IndexableTx[] {
  const txs: IndexableTx[] = [];
  for (let [txId, versions] = [after + 1n, 0]; txId <= last && versions < INDEX_BATCH_VERSIONS_MAX; txId++) {
    const tx = indexableFromLog(log, txId);
    txs.push(tx);
    versions += tx.versions.length;
  }
  return txs;
}
