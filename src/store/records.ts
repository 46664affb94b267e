// Rows of the log table, to and from domain values (drawn in layout.ts). Writing decides where each value goes; reading
// distrusts every length, since the bytes come from a disk.

import { concat, u16, u32, viewOf } from "../base/bytes.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import {
  decodeTxEntryRecord,
  decodeTxHeaderRecord,
  encodeTxEntryRecord,
  encodeTxHeaderRecord,
} from "../proof/record.ts";
import {
  entriesKey,
  INLINE_RECORD_BYTES_MAX,
  INLINE_VALUE_BYTES_MAX,
  PART_ENTRIES,
  txKey,
  VALUE_PIECE_BYTES_MAX,
  valueKey,
} from "./layout.ts";

/** A transaction as the committer built it: hashed, chained, not yet stored. */
export interface BuiltTx {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  /** Nodes of the history tree that this transaction's leaf completes, by level. */
  readonly nodes: readonly Uint8Array[];
  readonly entries: readonly TxEntry[];
  /** Store value of each entry. */
  readonly values: readonly Uint8Array[];
}

/** A transaction record as read. */
export interface TxRecord {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  readonly nodes: readonly Uint8Array[];
  /** Entries with their inline values, when the record holds them; otherwise they are in parts. */
  readonly entries: readonly StoredEntry[] | undefined;
}

/** An entry as stored: its value is here, empty, or in value rows (undefined). */
export interface StoredEntry {
  readonly entry: TxEntry;
  readonly value: Uint8Array | undefined;
}

const FLAG_ENTRIES_INSIDE = 1;
const PLACE_EMPTY = 0;
const PLACE_HERE = 1;
const PLACE_ROWS = 2;

const DIGEST_BYTES = 32;
const NO_VALUE = new Uint8Array(0);

/** Calls `put` for every row of a transaction. */
export function writeTxRows(tx: BuiltTx, put: (key: Uint8Array, value: Uint8Array) => void): void {
  const { id } = tx.header;
  const records = tx.entries.map(encodeTxEntryRecord);
  const inside = fitsInside(records, tx.values);
  put(
    txKey(id),
    encodeTxRecord(
      tx,
      inside ? entriesBytes(records, tx.values, 0, records.length, INLINE_RECORD_BYTES_MAX) : undefined,
    ),
  );
  if (inside) return;
  for (let part = 0; part * PART_ENTRIES < records.length; part++) {
    const from = part * PART_ENTRIES;
    put(
      entriesKey(id, part),
      entriesBytes(records, tx.values, from, Math.min(from + PART_ENTRIES, records.length), INLINE_VALUE_BYTES_MAX),
    );
  }
  tx.values.forEach((value, entry) => {
    if (value.length <= INLINE_VALUE_BYTES_MAX) return;
    for (let piece = 0; piece * VALUE_PIECE_BYTES_MAX < value.length; piece++) {
      const from = piece * VALUE_PIECE_BYTES_MAX;
      put(valueKey(id, entry, piece), value.subarray(from, from + VALUE_PIECE_BYTES_MAX));
    }
  });
}

function fitsInside(records: readonly Uint8Array[], values: readonly Uint8Array[]): boolean {
  if (records.length > PART_ENTRIES) return false;
  let length = 0;
  for (let i = 0; i < records.length; i++)
    length += (records[i] as Uint8Array).length + (values[i] as Uint8Array).length;
  return length <= INLINE_RECORD_BYTES_MAX;
}

function encodeTxRecord(tx: BuiltTx, entries: Uint8Array | undefined): Uint8Array {
  const header = encodeTxHeaderRecord(tx.header);
  return concat(
    Uint8Array.of(entries === undefined ? 0 : FLAG_ENTRIES_INSIDE),
    u16(header.length),
    header,
    tx.alh,
    Uint8Array.of(tx.nodes.length),
    ...tx.nodes,
    entries ?? NO_VALUE,
  );
}

/** Entries `from`..`to` in a row; values longer than `inlineMax` are left to rows of their own. */
function entriesBytes(
  records: readonly Uint8Array[],
  values: readonly Uint8Array[],
  from: number,
  to: number,
  inlineMax: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = from; i < to; i++) {
    const record = records[i] as Uint8Array;
    const value = values[i] as Uint8Array;
    const place = value.length === 0 ? PLACE_EMPTY : value.length <= inlineMax ? PLACE_HERE : PLACE_ROWS;
    parts.push(u16(record.length), record, Uint8Array.of(place));
    if (place === PLACE_HERE) parts.push(u32(value.length), value);
  }
  return concat(...parts);
}

/** Throws RangeError or ProofError on bytes that encodeTxRecord cannot have written. */
export function decodeTxRecord(bytes: Uint8Array): TxRecord {
  const reader = new RowReader(bytes);
  const flags = reader.u8();
  const header = decodeTxHeaderRecord(reader.take(reader.u16()));
  const alh = reader.take(DIGEST_BYTES);
  const nodes: Uint8Array[] = [];
  for (let count = reader.u8(); count > 0; count--) nodes.push(reader.take(DIGEST_BYTES));
  const inside = flags === FLAG_ENTRIES_INSIDE;
  if (!inside && (flags !== 0 || !reader.done)) throw new RangeError("malformed transaction record");
  return { header, alh, nodes, entries: inside ? readEntries(reader, header.nentries) : undefined };
}

/** The node of the history tree at `level` inside a transaction record, without decoding the rest. */
export function nodeOfTxRecord(bytes: Uint8Array, level: number): Uint8Array {
  const reader = new RowReader(bytes);
  reader.u8();
  reader.take(reader.u16());
  reader.take(DIGEST_BYTES);
  if (level >= reader.u8()) throw new RangeError("no such node in the transaction record");
  reader.take(level * DIGEST_BYTES);
  return reader.take(DIGEST_BYTES);
}

/** Entries of one part row. */
export function decodeEntriesPart(bytes: Uint8Array, count: number): StoredEntry[] {
  return readEntries(new RowReader(bytes), count);
}

function readEntries(reader: RowReader, count: number): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (let i = 0; i < count; i++) {
    const entry = decodeTxEntryRecord(reader.take(reader.u16()));
    const place = reader.u8();
    if (place > PLACE_ROWS) throw new RangeError("malformed entry record");
    const value = place === PLACE_ROWS ? undefined : place === PLACE_EMPTY ? NO_VALUE : reader.take(reader.u32());
    entries.push({ entry, value });
  }
  if (!reader.done) throw new RangeError("bytes left after the last entry");
  return entries;
}

/** Bounds-checked reading from a row; what it returns are views of the row. */
class RowReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("short row");
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }
}
