// Rows of the log table, to and from domain values (drawn in layout.ts). Writing decides where each value goes; reading
// distrusts every length, since the bytes come from a disk.

import { crc32 } from "node:zlib";
import { concat, u16, u32, u64, viewOf } from "../base/bytes.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import {
  decodeTxEntryRecord,
  decodeTxHeaderRecord,
  encodeTxEntryRecord,
  encodeTxHeaderRecord,
} from "../proof/record.ts";
import {
  ENTRY_OVERHEAD_BYTES,
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

/** An entry as stored, and where its value is. */
export interface StoredEntry {
  readonly entry: TxEntry;
  readonly at: ValueAt;
}

export type ValueAt =
  | { readonly place: "here"; readonly value: Uint8Array }
  /** In rows of its own. */
  | { readonly place: "rows" }
  /** In the value segment of its transaction, at this logical offset. */
  | { readonly place: "segment"; readonly offset: bigint }
  /** Removed for good; its digest stays. */
  | { readonly place: "truncated" };

const FLAG_ENTRIES_INSIDE = 1;
const PLACE_EMPTY = 0;
const PLACE_HERE = 1;
const PLACE_ROWS = 2;
const PLACE_SEGMENT = 3;
const PLACE_TRUNCATED = 4;

const DIGEST_BYTES = 32;
const NO_VALUE = new Uint8Array(0);
const ROWS: ValueAt = { place: "rows" };
const TRUNCATED: ValueAt = { place: "truncated" };

/**
 * Calls `put` for every row of a transaction. `offsets`: where the segments have its non-empty values; undefined: the log
 * keeps them itself.
 */
export function writeTxRows(
  tx: BuiltTx,
  offsets: readonly bigint[] | undefined,
  put: (key: Uint8Array, value: Uint8Array) => void,
): void {
  const inside = fitsInside(tx, offsets !== undefined);
  const entries = placed(tx, offsets, inside ? INLINE_RECORD_BYTES_MAX : INLINE_VALUE_BYTES_MAX);
  putEntries(tx, entries, inside, put);
  entries.forEach(({ at }, entry) => {
    if (at.place !== "rows") return;
    const value = tx.values[entry] as Uint8Array;
    for (let piece = 0; piece * VALUE_PIECE_BYTES_MAX < value.length; piece++) {
      const from = piece * VALUE_PIECE_BYTES_MAX;
      put(valueKey(tx.header.id, entry, piece), value.subarray(from, from + VALUE_PIECE_BYTES_MAX));
    }
  });
}

/** The rows of a stored transaction again, without its values. `entries` are all of them, in order. */
export function writeTruncatedRows(
  record: TxRecord,
  entries: readonly StoredEntry[],
  put: (key: Uint8Array, value: Uint8Array) => void,
): void {
  const kept = entries.map(({ entry }) => ({
    entry,
    at: entry.vLen === 0 ? { place: "here" as const, value: NO_VALUE } : TRUNCATED,
  }));
  putEntries(record, kept, record.entries !== undefined, put);
}

function putEntries(
  tx: Pick<TxRecord, "header" | "alh" | "nodes">,
  entries: readonly StoredEntry[],
  inside: boolean,
  put: (key: Uint8Array, value: Uint8Array) => void,
): void {
  const { id } = tx.header;
  put(txKey(id), encodeTxRecord(tx, inside ? encodeEntries(entries) : undefined));
  if (inside) return;
  for (let part = 0; part * PART_ENTRIES < entries.length; part++) {
    const from = part * PART_ENTRIES;
    put(entriesKey(id, part), encodeEntries(entries.slice(from, from + PART_ENTRIES)));
  }
}

function placed(tx: BuiltTx, offsets: readonly bigint[] | undefined, inlineMax: number): StoredEntry[] {
  let next = 0;
  return tx.entries.map((entry, i) => {
    const value = tx.values[i] as Uint8Array;
    if (value.length > 0 && offsets !== undefined) {
      return { entry, at: { place: "segment", offset: offsets[next++] as bigint } };
    }
    return { entry, at: value.length <= inlineMax ? { place: "here", value } : ROWS };
  });
}

/** Whether entries and values are few and small enough to share the transaction's own record. */
function fitsInside(tx: BuiltTx, valuesElsewhere: boolean): boolean {
  if (tx.entries.length > PART_ENTRIES) return false;
  let length = 0;
  tx.entries.forEach(({ key }, i) => {
    length += key.length + ENTRY_OVERHEAD_BYTES + (valuesElsewhere ? 0 : (tx.values[i] as Uint8Array).length);
  });
  return length <= INLINE_RECORD_BYTES_MAX;
}

function encodeTxRecord(tx: Pick<TxRecord, "header" | "alh" | "nodes">, entries: Uint8Array | undefined): Uint8Array {
  const header = encodeTxHeaderRecord(tx.header);
  const head = concat(
    Uint8Array.of(entries === undefined ? 0 : FLAG_ENTRIES_INSIDE),
    u16(header.length),
    header,
    tx.alh,
    Uint8Array.of(tx.nodes.length),
    ...tx.nodes,
  );
  return concat(head, u32(crc32(head)), entries ?? NO_VALUE);
}

function encodeEntries(entries: readonly StoredEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { entry, at } of entries) {
    const record = encodeTxEntryRecord(entry);
    const head = concat(u16(record.length), record, encodePlace(at));
    parts.push(head, u32(crc32(head)));
    if (at.place === "here") parts.push(at.value);
  }
  return concat(...parts);
}

function encodePlace(at: ValueAt): Uint8Array {
  switch (at.place) {
    case "here":
      return at.value.length === 0
        ? Uint8Array.of(PLACE_EMPTY)
        : concat(Uint8Array.of(PLACE_HERE), u32(at.value.length));
    case "rows":
      return Uint8Array.of(PLACE_ROWS);
    case "segment":
      return concat(Uint8Array.of(PLACE_SEGMENT), u64(at.offset));
    case "truncated":
      return Uint8Array.of(PLACE_TRUNCATED);
  }
}

/** Called for a checksum that does not match; reading goes on when it returns. */
export type OnMismatch = (of: "record" | "entry") => void;

const refuse: OnMismatch = () => {
  throw new RangeError("the checksum does not match");
};

/** Throws RangeError or ProofError on bytes that encodeTxRecord cannot have written. */
export function decodeTxRecord(bytes: Uint8Array, onMismatch: OnMismatch = refuse): TxRecord {
  const reader = new RowReader(bytes, onMismatch);
  const { flags, header, alh, nodes } = readHead(reader);
  const inside = flags === FLAG_ENTRIES_INSIDE;
  if (!inside && (flags !== 0 || !reader.done)) throw new RangeError("malformed transaction record");
  const decoded = decodeTxHeaderRecord(header);
  return { header: decoded, alh, nodes, entries: inside ? readEntries(reader, decoded.nentries) : undefined };
}

/** What a transaction record says besides entries, when those cannot be read. Throws as decodeTxRecord. */
export function decodeTxHead(bytes: Uint8Array, onMismatch: OnMismatch = refuse): Omit<TxRecord, "entries"> {
  const { header, alh, nodes } = readHead(new RowReader(bytes, onMismatch));
  return { header: decodeTxHeaderRecord(header), alh, nodes };
}

/** The node of the history tree at `level` inside a transaction record, without decoding the rest. */
export function nodeOfTxRecord(bytes: Uint8Array, level: number): Uint8Array {
  const node = readHead(new RowReader(bytes, refuse)).nodes[level];
  if (node === undefined) throw new RangeError("no such node in the transaction record");
  return node;
}

function readHead(reader: RowReader): { flags: number; header: Uint8Array; alh: Uint8Array; nodes: Uint8Array[] } {
  const start = reader.at;
  const flags = reader.u8();
  const header = reader.take(reader.u16());
  const alh = reader.take(DIGEST_BYTES);
  const nodes: Uint8Array[] = [];
  for (let count = reader.u8(); count > 0; count--) nodes.push(reader.take(DIGEST_BYTES));
  reader.checksumSince(start, "record");
  return { flags, header, alh, nodes };
}

/** Entries of one part row. */
export function decodeEntriesPart(bytes: Uint8Array, count: number, onMismatch: OnMismatch = refuse): StoredEntry[] {
  return readEntries(new RowReader(bytes, onMismatch), count);
}

function readEntries(reader: RowReader, count: number): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    const record = reader.take(reader.u16());
    const place = reader.u8();
    const length = place === PLACE_HERE ? reader.u32() : 0;
    const offset = place === PLACE_SEGMENT ? reader.u64() : 0n;
    reader.checksumSince(start, "entry");
    entries.push({ entry: decodeTxEntryRecord(record), at: valueAt(place, reader.take(length), offset) });
  }
  if (!reader.done) throw new RangeError("bytes left after the last entry");
  return entries;
}

function valueAt(place: number, value: Uint8Array, offset: bigint): ValueAt {
  switch (place) {
    case PLACE_EMPTY:
    case PLACE_HERE:
      return { place: "here", value };
    case PLACE_ROWS:
      return ROWS;
    case PLACE_SEGMENT:
      return { place: "segment", offset };
    case PLACE_TRUNCATED:
      return TRUNCATED;
    default:
      throw new RangeError("malformed entry record");
  }
}

/** Bounds-checked reading from a row; what it returns are views of the row. */
class RowReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #onMismatch: OnMismatch;
  #at = 0;

  constructor(bytes: Uint8Array, onMismatch: OnMismatch) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#onMismatch = onMismatch;
  }

  get at(): number {
    return this.#at;
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

  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8);
  }

  /** Reads the checksum of everything since `start` and compares. */
  checksumSince(start: number, of: "record" | "entry"): void {
    const computed = crc32(this.#bytes.subarray(start, this.#at));
    if (this.u32() !== computed) this.#onMismatch(of);
  }
}
