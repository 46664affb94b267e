// Truncation: the bytes of old values are removed for good; headers, digests, trees and proofs stay.
//
//   1  the log records how far is truncated, durably: from here on these values answer `value_truncated`
//   2  value segments go (value-segments.ts)
//   3  values that the log itself keeps: LMDB leaves old pages as they were, so the log is written anew without them,
//      beside the old one, takes its place, and the old one is removed
//
//      log ──copy, while commits go on──▶ log-rewrite ──the rest, commits wait──▶ log → log-old, log-rewrite → log
//
// A crash during 3 leaves the old log in place or under its second name; the next start goes back to it and does step 3
// again, since "removed" in the log says how far the bytes are really gone.

import { openLogTables } from "./commit-log.ts";
import type { EngineDriver, Row } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { encodeTxIdRow, REMOVED_ROW, TRUNCATED_ROW, txIdOfKey, txRangeStart } from "./layout.ts";
import { type TxRecord, writeTruncatedRows } from "./records.ts";
import { replacedOf, rewrittenOf, takePlace } from "./take-place.ts";
import { type LogTables, type TxLog, txIdIn } from "./tx-log.ts";

/** Greater than any transaction id. */
const NO_TX = 2n ** 64n;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** The copy stops chasing commits and makes them wait when no more transactions than this are left. */
const TAIL_TXS_MAX = 1000n;

/** Where a log and its rewritten form are. */
export interface LogPlace {
  readonly driver: EngineDriver;
  readonly directory: string;
}

/** Runs an action while nothing is being committed. */
export type Exclusively = (action: () => Promise<void>) => Promise<void>;

/** Removes the values of transactions before `txId`, which is committed. Safe to repeat. */
export async function truncateValues(
  log: TxLog,
  txId: bigint,
  place: LogPlace,
  exclusively: Exclusively,
): Promise<void> {
  if (txId > log.truncatedBefore) {
    const { engine, meta } = log.tables;
    await engine.write((batch) => batch.put(meta, TRUNCATED_ROW, encodeTxIdRow(TRUNCATED_ROW, txId)));
    log.truncatedBefore = txId;
  }
  await finishTruncation(log, place, exclusively);
}

/** Removes the bytes of what is recorded as truncated and may still be there. */
export async function finishTruncation(log: TxLog, place: LogPlace, exclusively: Exclusively): Promise<void> {
  const before = log.truncatedBefore;
  const removed = removedBefore(log.tables);
  if (removed >= before) return;
  const remove = async (): Promise<void> =>
    log.segments?.removeBefore(before, (from, to) => firstOffset(log, from, to));
  // With nothing to keep the last segment goes, and with it values of a transaction that is not in the log yet.
  if (firstOffset(log, before, NO_TX) === undefined) await exclusively(remove);
  else await remove();
  if (keepsValues(log, removed, before)) await rewriteLog(log, before, place, exclusively);
  await place.driver.destroy(replacedOf(place.directory));
  const { engine, meta } = log.tables;
  await engine.write((batch) => batch.put(meta, REMOVED_ROW, encodeTxIdRow(REMOVED_ROW, before)));
}

function removedBefore(tables: LogTables): bigint {
  return txIdIn(tables, REMOVED_ROW) ?? 1n;
}

/** Where in a segment the values of its transactions from `from` on begin. */
function firstOffset(log: TxLog, from: bigint, to: bigint): bigint | undefined {
  const last = log.lastTxId();
  for (let txId = from; txId < to && txId <= last; txId++) {
    let first: bigint | undefined;
    // Values that came by pieces stand before the others, whatever the order of their entries.
    for (const { at } of log.storedEntries(txId, log.record(txId)))
      if (at.place === "segment" && (first === undefined || at.offset < first)) first = at.offset;
    if (first !== undefined) return first;
  }
  return undefined;
}

/** Whether the log itself keeps a value of transactions [from, to). */
function keepsValues(log: TxLog, from: bigint, to: bigint): boolean {
  for (let txId = from; txId < to; txId++) {
    const kept = log
      .storedEntries(txId, log.record(txId))
      .some(({ entry, at }) => entry.vLen > 0 && (at.place === "here" || at.place === "row" || at.place === "pieces"));
    if (kept) return true;
  }
  return false;
}

async function rewriteLog(
  log: TxLog,
  before: bigint,
  { driver, directory }: LogPlace,
  exclusively: Exclusively,
): Promise<void> {
  const target = rewrittenOf(directory);
  await driver.destroy(target);
  const next = await openLogTables(driver, target);
  try {
    let copied = await copyTruncated(log, before, next);
    while (log.lastTxId() - copied > TAIL_TXS_MAX) copied = await copyRows(log, copied + 1n, next);
    await exclusively(async () => {
      await copyRows(log, copied + 1n, next);
      await copyMeta(log.tables, next);
      await next.engine.close();
      const old = log.tables;
      log.tables = await takePlace(driver, directory, () => openLogTables(driver, directory));
      log.forget();
      await old.engine.close();
    });
  } catch (error) {
    await next.engine.close().catch(() => undefined);
    throw error;
  }
}

/** Copies the transactions before `before`, without their values. Returns the last one copied. */
async function copyTruncated(log: TxLog, before: bigint, next: LogTables): Promise<bigint> {
  let txId = 1n;
  while (txId < before) {
    const rows: Row[] = [];
    let bytes = 0;
    for (; txId < before && bytes < BATCH_BYTES_MAX; txId++) {
      const record: TxRecord = log.record(txId);
      const entries = log.storedEntries(txId, record);
      writeTruncatedRows(record, entries, (key, value) => {
        rows.push({ key, value });
        bytes += key.length + value.length;
      });
    }
    await put(next, rows);
  }
  return before - 1n;
}

/** Copies rows as they are, from a transaction to the end. Returns the last transaction copied. */
async function copyRows(log: TxLog, from: bigint, next: LogTables): Promise<bigint> {
  let after: Uint8Array = txRangeStart(from);
  let copied = from - 1n;
  for (;;) {
    const rows: Row[] = [];
    let bytes = 0;
    for (const row of log.tables.log.range({ from: after })) {
      rows.push(row);
      bytes += row.key.length + row.value.length;
      if (bytes >= BATCH_BYTES_MAX) break;
    }
    const last = rows.at(-1);
    if (last === undefined) return copied;
    await put(next, rows);
    copied = txIdOfKey(last.key);
    after = new Uint8Array([...last.key, 0]);
  }
}

async function copyMeta(from: LogTables, to: LogTables): Promise<void> {
  const rows = [...from.meta.range({})];
  await to.engine.write((batch) => {
    for (const { key, value } of rows) batch.put(to.meta, key, value);
  });
}

async function put({ engine, log }: LogTables, rows: readonly Row[]): Promise<void> {
  await engine.write((batch) => {
    for (const { key, value } of rows) batch.put(log, key, value);
  });
}

/** Throws `illegal_arguments` unless values before `txId` can be truncated. */
export function requireTruncatable(txId: bigint, committed: bigint): void {
  if (txId < 1n || txId > committed) {
    throw new StoreError(
      "illegal_arguments",
      `values can be truncated before a committed transaction, not before ${txId}`,
      { txId },
    );
  }
}
