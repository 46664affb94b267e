// Names what differs between index and log once it is known that something does: every row of the index is looked up in the
// log, and every entry of the log in the index. In random order and slow, where the walks of verify-index.ts are neither.

import { equalBytes, toHex } from "../base/bytes.ts";
import { encodeKvMetadata } from "../proof/kv-metadata.ts";
import type { TxEntry } from "../proof/model.ts";
import type { Table } from "./engine.ts";
import type { EntriesBlock } from "./entries-block.ts";
import { decodeVersion, entriesKey, historyKey, ROW_ENTRIES, txKey, type VersionRecord } from "./layout.ts";
import { decodeEntriesRow, decodeTxRecord, type TxRecord } from "./records.ts";
import { RowStream } from "./row-stream.ts";
import type { TxRanges } from "./tx-ranges.ts";
import type { IndexSource } from "./verify-index.ts";
import type { Pace } from "./verify-pace.ts";
import { type Findings, isMalformed } from "./verify-report.ts";

export interface DifferenceParts {
  readonly index: IndexSource;
  readonly log: Table;
  readonly findings: Findings;
  /** The transaction that the index has come to. */
  readonly indexed: bigint;
  /** Transactions whose entries cannot be relied on. */
  readonly unread: TxRanges;
  /** Keys, in hexadecimal digits, that have been reported already. */
  readonly damagedKeys: ReadonlySet<string>;
}

/** Reports every row of the index that the log does not bear out, and every entry of the log that the index lacks. */
export async function nameDifferences(parts: DifferenceParts, pace: Pace): Promise<void> {
  const { index } = parts;
  await eachVersion(index, index.latest, pace, (key, version) => {
    checkRow(parts, "index_latest", key, version);
  });
  await eachVersion(index, index.history, pace, (rowKey, version) => {
    checkRow(parts, "index_history", rowKey.subarray(2, -8), version);
  });
  for (let txId = 1n; txId <= parts.indexed; txId++) {
    if (!parts.unread.has(txId)) checkIndexed(parts, txId);
    if (!pace.due) continue;
    await pace.rest("index", Number(txId), Number(parts.indexed));
    index.engine.refresh();
  }
}

async function eachVersion(
  { engine }: IndexSource,
  table: Table,
  pace: Pace,
  onVersion: (rowKey: Uint8Array, version: VersionRecord) => void,
): Promise<void> {
  const rows = new RowStream(engine, table);
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const version = versionOf(row.key, row.value);
    if (version !== undefined) onVersion(row.key, version);
    if (!pace.due) continue;
    rows.pause();
    await pace.rest("index", 0, 1);
  }
  rows.pause();
}

function checkRow(
  { log, findings, indexed, unread, damagedKeys }: DifferenceParts,
  kind: "index_latest" | "index_history",
  key: Uint8Array,
  version: VersionRecord,
): void {
  const { txId, entry: place, metadata } = version;
  if (txId > indexed || unread.has(txId) || damagedKeys.has(toHex(key))) return;
  const entry = entryAt(log, txId, place);
  const holds =
    entry !== undefined &&
    equalBytes(entry.key, key) &&
    equalBytes(encodeKvMetadata(entry.metadata), encodeKvMetadata(metadata)) &&
    entry.metadata?.nonIndexable !== true;
  if (!holds)
    findings.add(kind, `entry ${place} of the transaction in the log is not what the row says`, { txId, key });
}

function checkIndexed({ index, log, findings, damagedKeys }: DifferenceParts, txId: bigint): void {
  for (const { key, metadata } of entriesOf(log, txId)) {
    if (metadata?.nonIndexable === true || damagedKeys.has(toHex(key))) continue;
    const latest = versionAt(index.latest, key);
    if (latest === undefined) findings.add("index_latest", "the key is missing in the index", { txId, key });
    else if (latest.txId !== txId && !isInHistory(index.history, key, latest, txId))
      findings.add("index_history", "the version that the transaction wrote is missing in the index", { txId, key });
  }
}

/** Whether the history of a key has a version of this transaction: revisions ascend with transactions. */
function isInHistory(history: Table, key: Uint8Array, latest: VersionRecord, txId: bigint): boolean {
  let low = 1n;
  let high = latest.revision;
  while (low < high) {
    const middle = (low + high) / 2n;
    const version = versionAt(history, historyKey(key, middle));
    if (version === undefined) return isAmongRows(history, key, latest.revision, txId);
    if (version.txId === txId) return true;
    if (version.txId < txId) low = middle + 1n;
    else high = middle;
  }
  return false;
}

/** The same where rows are missing. */
function isAmongRows(history: Table, key: Uint8Array, end: bigint, txId: bigint): boolean {
  for (const row of history.range({ from: historyKey(key, 1n), to: historyKey(key, end) })) {
    if (versionOf(row.key, row.value)?.txId === txId) return true;
  }
  return false;
}

function versionAt(table: Table, rowKey: Uint8Array): VersionRecord | undefined {
  const value = table.get(rowKey);
  return value === undefined ? undefined : versionOf(rowKey, value);
}

/** undefined for a row that cannot be read: it has been reported. */
function versionOf(rowKey: Uint8Array, value: Uint8Array): VersionRecord | undefined {
  return readable(() => decodeVersion(rowKey, value));
}

function entriesOf(log: Table, txId: bigint): readonly TxEntry[] {
  const stored = readable(() => {
    const record = recordOf(log, txId);
    const rows = Math.ceil(record.header.nentries / ROW_ENTRIES);
    return Array.from({ length: rows }, (_, row) => blockOf(log, record, row).all()).flat();
  });
  return (stored ?? []).map(({ entry }) => entry);
}

function entryAt(log: Table, txId: bigint, place: number): TxEntry | undefined {
  const stored = readable(() => {
    const record = recordOf(log, txId);
    if (place >= record.header.nentries) return undefined;
    return blockOf(log, record, Math.floor(place / ROW_ENTRIES)).all()[place % ROW_ENTRIES];
  });
  return stored?.entry;
}

const readOn = (): void => undefined;

function recordOf(log: Table, txId: bigint): TxRecord {
  return decodeTxRecord(log.get(txKey(txId)) ?? new Uint8Array(0), readOn);
}

function blockOf(log: Table, { inside, header: { id, nentries } }: TxRecord, row: number): EntriesBlock {
  const count = Math.min(ROW_ENTRIES, nentries - row * ROW_ENTRIES);
  return inside ?? decodeEntriesRow(log.get(entriesKey(id, row)) ?? new Uint8Array(0), count, readOn);
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
}
