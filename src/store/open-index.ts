// The environment of an index: opened, asked how far it came, and written to.

import { equalBytes } from "../base/bytes.ts";
import { EMPTY_ALH } from "../proof/tx-header.ts";
import type { Arena } from "./arena.ts";
import { closingUnless } from "./commit-log.ts";
import type { Engine, EngineDriver, Table } from "./engine.ts";
import { indexRows } from "./index-rows.ts";
import type { IndexableTx } from "./indexable.ts";
import type { IndexTables } from "./key-reader.ts";
import {
  decodeWatermark,
  encodeWatermark,
  HISTORY_TABLE,
  type IndexWatermark,
  LATEST_TABLE,
  META_TABLE,
  WATERMARK_ROW,
} from "./layout.ts";
import { RecentVersions } from "./recent-versions.ts";
import type { TxLog } from "./tx-log.ts";

const NOTHING_INDEXED: IndexWatermark = { txId: 0n, alh: EMPTY_ALH, latestRows: 0n, historyRows: 0n };

export interface OpenIndex extends IndexTables {
  readonly engine: Engine;
  readonly meta: Table;
}

export async function openIndex(driver: EngineDriver, directory: string): Promise<OpenIndex> {
  const engine = await driver.open(directory, { durable: false });
  return closingUnless(engine, () => ({
    engine,
    latest: engine.table(LATEST_TABLE),
    history: engine.table(HISTORY_TABLE),
    meta: engine.table(META_TABLE),
    recent: new RecentVersions(),
  }));
}

/** undefined: what is there is not a watermark, or there are rows without one. */
export function readWatermark(index: OpenIndex): IndexWatermark | undefined {
  const bytes = index.meta.get(WATERMARK_ROW);
  if (bytes === undefined) {
    const isEmpty = [...index.latest.range({ limit: 1 })].length === 0;
    return isEmpty ? NOTHING_INDEXED : undefined;
  }
  try {
    return decodeWatermark(bytes);
  } catch {
    return undefined;
  }
}

export function matchesLog(watermark: IndexWatermark, log: TxLog, committed: bigint): boolean {
  if (watermark.txId === 0n) return true;
  return watermark.txId <= committed && equalBytes(log.record(watermark.txId).alh, watermark.alh);
}

/** Writes a batch that follows what `watermark` says, and returns what it says then. */
export async function writeBatch(
  index: OpenIndex,
  watermark: IndexWatermark,
  txs: readonly IndexableTx[],
  arena: Arena,
): Promise<IndexWatermark> {
  const { engine, latest, history, meta } = index;
  const rows = await indexRows(txs, index, arena.allocate);
  const { txId, alh } = txs.at(-1) as IndexableTx;
  const next = {
    txId,
    alh,
    latestRows: watermark.latestRows + BigInt(rows.newKeys),
    historyRows: watermark.historyRows + BigInt(rows.history.length),
  };
  await engine.write((batch) => {
    for (const { key, value } of rows.latest) batch.put(latest, key, value);
    for (const { key, value } of rows.history) batch.put(history, key, value);
    batch.put(meta, WATERMARK_ROW, encodeWatermark(next));
  });
  arena.clear();
  engine.refresh();
  return next;
}
