// Rows of the log table, to and from domain values (drawn in layout.ts). Writing decides where each value goes; reading
// distrusts every length, since the bytes come from a disk.

import { concat, EMPTY, equalBytes, setU16, setU32 } from "../base/bytes.ts";
import { EntriesTree, upperNodeCount } from "../proof/entries-tree.ts";
import { entryDigest } from "../proof/entry-digest.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import { decodeTxHeaderRecord, encodeTxHeaderRecord } from "../proof/record.ts";
import { sha256 } from "../proof/sha256.ts";
import { type Allocate, allocateAnew } from "./arena.ts";
import { CHECKSUM_BYTES, crc32 } from "./checksum.ts";
import { EntriesBlock, encodeBlock, type StoredEntry } from "./entries-block.ts";
import {
  ENTRY_OVERHEAD_BYTES,
  entriesKey,
  FLAG_ENTRIES_INSIDE,
  INLINE_RECORD_BYTES_MAX,
  INLINE_VALUE_BYTES_MAX,
  ROW_ENTRIES,
  ROW_NODES,
  ROW_VALUES,
  TREE_LEVEL_MIN,
  treeKey,
  txKey,
  VALUE_PIECE_BYTES_MAX,
  valueKey,
  valuesKey,
} from "./layout.ts";
import { type OnMismatch, RowReader, refuseMismatch } from "./row-reader.ts";
import type { SpooledSegment } from "./value-segments.ts";
import type { SpooledValue } from "./value-spool.ts";

/** A transaction as the committer built it: hashed, chained, not yet stored. */
export interface BuiltTx {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  /** Nodes of the history tree that this transaction's leaf completes, by level. */
  readonly nodes: readonly Uint8Array[];
  /** Upper nodes of the entries tree. */
  readonly tree: readonly Uint8Array[];
  readonly entries: readonly TxEntry[];
  /** Store value of each entry. */
  readonly values: readonly (Uint8Array | SpooledValue)[];
  /** Where those values are that are on disk already. */
  readonly spooled?: SpooledSegment | undefined;
  /** Whether it came from elsewhere without its values: those in `values` are empty, also where the entry's is not. */
  readonly withheld: boolean;
}

/** A transaction record as read. */
export interface TxRecord {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  readonly nodes: readonly Uint8Array[];
  /** Upper nodes of the entries tree, when the entries are inside; otherwise they have rows of their own. */
  readonly tree: readonly Uint8Array[];
  /** The entries, when the record holds them; otherwise they have rows of their own. */
  readonly inside: EntriesBlock | undefined;
}

const DIGEST_BYTES = 32;
const HERE_EMPTY = { place: "here", value: EMPTY } as const;
const EMPTY_HASH = sha256(EMPTY);

type Put = (key: Uint8Array, value: Uint8Array) => void;
type TxHead = Pick<TxRecord, "header" | "alh" | "nodes" | "tree">;

/**
 * Calls `put` for every row of a transaction. `offsets`: where the segments have its non-empty values that were not spooled;
 * undefined: the log keeps them itself.
 */
export function writeTxRows(
  tx: BuiltTx,
  offsets: readonly bigint[] | undefined,
  put: Put,
  allocate: Allocate = allocateAnew,
): void {
  const inside = fitsInside(tx, offsets !== undefined);
  const entries = tx.withheld
    ? withheld(tx.entries)
    : placed(tx, offsets, inside ? INLINE_RECORD_BYTES_MAX : INLINE_VALUE_BYTES_MAX);
  putEntries(tx, entries, inside, put, allocate);
  entries.forEach(({ at }, entry) => {
    if (at.place !== "pieces") return;
    const value = tx.values[entry] as Uint8Array;
    for (let piece = 0; piece * VALUE_PIECE_BYTES_MAX < value.length; piece++) {
      const from = piece * VALUE_PIECE_BYTES_MAX;
      put(valueKey(tx.header.id, entry, piece), value.subarray(from, from + VALUE_PIECE_BYTES_MAX));
    }
  });
}

/** The rows of a stored transaction again, without its values. `entries` are all of them, in order. */
export function writeTruncatedRows(record: TxRecord, entries: readonly StoredEntry[], put: Put): void {
  const { version } = record.header;
  const kept = entries.map(({ entry, at }) => ({
    entry,
    at: entry.vLen > 0 ? ({ place: "truncated" } as const) : at.place === "withheld" ? at : HERE_EMPTY,
  }));
  const tree = new EntriesTree(entries.map(({ entry }) => entryDigest(entry, version))).upperNodes(TREE_LEVEL_MIN);
  putEntries({ ...record, tree }, kept, record.inside !== undefined, put, allocateAnew);
}

function putEntries(tx: TxHead, entries: readonly StoredEntry[], inside: boolean, put: Put, allocate: Allocate): void {
  const { id } = tx.header;
  if (inside) {
    const head = encodeHead(tx, FLAG_ENTRIES_INSIDE, tx.tree, allocateAnew);
    const block = encodeBlock(entries, allocateAnew);
    const record = allocate(head.length + block.length + bytesHere(entries));
    record.set(head);
    record.set(block, head.length);
    copyHere(entries, record, head.length + block.length);
    put(txKey(id), record);
    return;
  }
  put(txKey(id), encodeHead(tx, 0, [], allocate));
  eachRow(entries, ROW_ENTRIES, (some, row) => put(entriesKey(id, row), encodeBlock(some, allocate)));
  eachRow(tx.tree, ROW_NODES, (some, row) => put(treeKey(id, row), encodeTreeRow(some)));
  eachRow(entries, ROW_VALUES, (some, row) => {
    const length = bytesHere(some);
    if (length === 0) return;
    const values = allocate(length);
    copyHere(some, values, 0);
    put(valuesKey(id, row), values);
  });
}

function eachRow<T>(all: readonly T[], perRow: number, write: (some: readonly T[], row: number) => void): void {
  for (let row = 0; row * perRow < all.length; row++) write(all.slice(row * perRow, (row + 1) * perRow), row);
}

/** Bytes of the values that are here. */
function bytesHere(entries: readonly StoredEntry[]): number {
  let length = 0;
  for (const { at } of entries) if (at.place === "here") length += at.value.length;
  return length;
}

/** Writes these values, one after the other. */
function copyHere(entries: readonly StoredEntry[], out: Uint8Array, from: number): void {
  let to = from;
  for (const { at } of entries) {
    if (at.place !== "here") continue;
    out.set(at.value, to);
    to += at.value.length;
  }
}

function placed(tx: BuiltTx, offsets: readonly bigint[] | undefined, inlineMax: number): StoredEntry[] {
  let next = 0;
  return tx.entries.map((entry, i) => {
    const value = tx.values[i] as Uint8Array | SpooledValue;
    if (!(value instanceof Uint8Array)) return { entry, at: { place: "segment", offset: value.offset } };
    if (value.length > 0 && offsets !== undefined) {
      return { entry, at: { place: "segment", offset: offsets[next++] as bigint } };
    }
    return { entry, at: value.length <= inlineMax ? { place: "here", value } : { place: "pieces" } };
  });
}

/** Of an empty value the hash says so; of every other one no more than the hash is known. */
function withheld(entries: readonly TxEntry[]): StoredEntry[] {
  return entries.map((entry) => ({
    entry,
    at: equalBytes(entry.hValue, EMPTY_HASH) ? HERE_EMPTY : { place: "withheld" },
  }));
}

/** Whether entries and the values that go with them are few and small enough to share the transaction's own record. */
function fitsInside(tx: BuiltTx, valuesElsewhere: boolean): boolean {
  if (tx.entries.length > ROW_ENTRIES) return false;
  let length = 0;
  tx.entries.forEach(({ key }, i) => {
    const value = tx.values[i];
    length += key.length + ENTRY_OVERHEAD_BYTES;
    if (!valuesElsewhere && value instanceof Uint8Array) length += value.length;
  });
  return length <= INLINE_RECORD_BYTES_MAX;
}

function encodeHead(tx: TxHead, flags: number, tree: readonly Uint8Array[], allocate: Allocate): Uint8Array {
  const header = encodeTxHeaderRecord(tx.header);
  const end = 3 + header.length + DIGEST_BYTES + 2 + (tx.nodes.length + tree.length) * DIGEST_BYTES;
  const out = allocate(end + CHECKSUM_BYTES);
  out[0] = flags;
  setU16(out, 1, header.length);
  out.set(header, 3);
  let at = 3 + header.length;
  out.set(tx.alh, at);
  at += DIGEST_BYTES;
  for (const digests of [tx.nodes, tree]) {
    out[at++] = digests.length;
    for (const digest of digests) {
      out.set(digest, at);
      at += DIGEST_BYTES;
    }
  }
  setU32(out, end, crc32(out, 0, end));
  return out;
}

function encodeTreeRow(nodes: readonly Uint8Array[]): Uint8Array {
  const end = nodes.length * DIGEST_BYTES;
  const row = concat(...nodes, new Uint8Array(CHECKSUM_BYTES));
  setU32(row, end, crc32(row, 0, end));
  return row;
}

/**
 * Throws RangeError or ProofError on bytes that writeTxRows cannot have written. `known`: a checked header, which is taken when
 * the record's Alh is the one it hashes to.
 */
export function decodeTxRecord(
  bytes: Uint8Array,
  onMismatch: OnMismatch = refuseMismatch,
  known?: Pick<TxRecord, "header" | "alh">,
): TxRecord {
  const reader = new RowReader(bytes, onMismatch);
  const { flags, header: record, alh, nodes, tree } = readHead(reader);
  const header = known !== undefined && equalBytes(known.alh, alh) ? known.header : decodeTxHeaderRecord(record);
  const isInside = flags === FLAG_ENTRIES_INSIDE;
  if (!isInside && (flags !== 0 || !reader.done)) throw new RangeError("malformed transaction record");
  const inside = isInside ? EntriesBlock.read(reader, header.nentries, "inside") : undefined;
  return { header, alh, nodes, tree, inside };
}

/** The block of entries inside a transaction record, if there is one, without a look at the rest. Throws as decodeTxRecord. */
export function blockInside(bytes: Uint8Array): EntriesBlock | undefined {
  const reader = new RowReader(bytes, refuseMismatch);
  if (reader.u8() !== FLAG_ENTRIES_INSIDE) return undefined;
  reader.skip(reader.u16() + DIGEST_BYTES);
  reader.skip(reader.u8() * DIGEST_BYTES);
  reader.skip(reader.u8() * DIGEST_BYTES + CHECKSUM_BYTES);
  return EntriesBlock.read(reader, undefined, "inside");
}

/** What a transaction record says besides entries, when those cannot be read. Throws as decodeTxRecord. */
export function decodeTxHead(bytes: Uint8Array, onMismatch: OnMismatch = refuseMismatch): TxHead {
  const { flags: _, header, ...head } = readHead(new RowReader(bytes, onMismatch));
  return { ...head, header: decodeTxHeaderRecord(header) };
}

/** The node of the history tree at `level` inside a transaction record, without decoding the rest. */
export function nodeOfTxRecord(bytes: Uint8Array, level: number): Uint8Array {
  const reader = new RowReader(bytes, refuseMismatch);
  reader.skip(1);
  reader.skip(reader.u16() + DIGEST_BYTES);
  const count = reader.u8();
  const from = reader.at + level * DIGEST_BYTES;
  reader.skip(count * DIGEST_BYTES);
  reader.skip(reader.u8() * DIGEST_BYTES);
  reader.checksumSince(0, "record");
  if (level >= count) throw new RangeError("no such node in the transaction record");
  return bytes.subarray(from, from + DIGEST_BYTES);
}

interface RawHead {
  readonly flags: number;
  readonly header: Uint8Array;
  readonly alh: Uint8Array;
  readonly nodes: readonly Uint8Array[];
  readonly tree: readonly Uint8Array[];
}

function readHead(reader: RowReader): RawHead {
  const start = reader.at;
  const flags = reader.u8();
  const header = reader.take(reader.u16());
  const alh = reader.take(DIGEST_BYTES);
  const nodes = readDigests(reader, reader.u8());
  const tree = readDigests(reader, reader.u8());
  reader.checksumSince(start, "record");
  return { flags, header, alh, nodes, tree };
}

function readDigests(reader: RowReader, count: number): Uint8Array[] {
  const digests: Uint8Array[] = [];
  for (let i = 0; i < count; i++) digests.push(reader.take(DIGEST_BYTES));
  return digests;
}

/** A row of entries. `count`: entries that it must have; absent: as many as it says. Throws as decodeTxRecord. */
export function decodeEntriesRow(
  bytes: Uint8Array,
  count?: number,
  onMismatch: OnMismatch = refuseMismatch,
): EntriesBlock {
  return EntriesBlock.read(new RowReader(bytes, onMismatch), count, "in rows");
}

/** Row `row` of the tree over `nentries` entries. Throws RangeError. */
export function decodeTreeRow(
  bytes: Uint8Array,
  row: number,
  nentries: number,
  onMismatch: OnMismatch = refuseMismatch,
): readonly Uint8Array[] {
  const reader = new RowReader(bytes, onMismatch);
  const count = Math.min(ROW_NODES, upperNodeCount(nentries, TREE_LEVEL_MIN) - row * ROW_NODES);
  const nodes = readDigests(reader, count);
  reader.checksumSince(0, "entry");
  if (!reader.done) throw new RangeError("bytes left after the last node");
  return nodes;
}
