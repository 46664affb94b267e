// What is on disk, drawn. One directory per database:
//
//   <db>/log/      LMDB environment, synced at every commit: the truth
//   <db>/index/    LMDB environment, not synced: derived, rebuilt from the log whenever the two disagree
//   <db>/values/   value segments (value-segments.ts): the values of databases with a retention period, and long ones that were
//                  received by pieces
//   <db>/open      marker: present while the database is open, holds the boot id
//   <db>/.lock.*   listening unix socket: one process at a time
//
// log, table "log": keys in order of transactions, so that every commit appends at the right edge of the tree.
//
//   u64 txId | 00                      transaction   u8 flags | u16 n | header (wire form) | Alh | u8 k | k × node
//                                                    | u8 t | t × tree node | crc  [| block | values]
//   u64 txId | 01 | u32 r              entries       block of entries r × ROW_ENTRIES and on
//   u64 txId | 02 | u32 r              tree          upper nodes of the entries tree, r × ROW_NODES and on | crc
//   u64 txId | 03 | u32 r              values        of entries r × ROW_VALUES and on, those that are here
//   u64 txId | 04 | u32 entry | u32 p  value         piece p of the store value of one entry
//
//   flags bit 0: entries and values follow in the transaction record itself (few and small), tree nodes stand in it, and there
//   are no other rows.
//   node l of transaction n is the root of the complete subtree of the history tree that covers the 2^l leaves ending in
//   leaf n; there are 1 + (trailing zero bits of n) of them. Discarding transactions discards their nodes with them.
//   tree nodes: levels TREE_LEVEL_MIN and up of the tree over the transaction's entries (proof/entries-tree.ts), so that an entry
//   is proven from the eight leaves around it.
//   block: entries in one piece that answers copy (entries-block.ts); values are elsewhere, so that lists need not read them.
//
// log, table "meta":   "format" → u32 version      "committed" → u64 txId, only while it lags behind the last transaction
//                      "truncated" → u64 txId: the values of earlier transactions are gone
//                      "removed" → u64 txId: and so are their bytes
//                      "withheld" → u64 txId: no later transaction came from elsewhere without its values
//                      each u64 followed by a crc
//
// index, table "latest":   store key → txId | entry | revision | metadata | crc          (each number a varint)
// index, table "history":  u16 n | store key | u64 revision → the same, written when a revision is superseded
// index, table "meta":     "indexed" → u64 txId | Alh | u64 latest rows | u64 history rows | crc
//
// crc: CRC-32 of everything before it in the record or block; in the index and the meta tables of the row's key, too. Values have their hValue,
// so damage to one value is damage to nothing else. Checksums find what a disk does; what somebody does on purpose is found
// by the digests and proofs.
//
// Headers and entries are kept in protobuf wire form, so that answers can copy them.

import { concat, getU32, setU16, setU32, setU64, u32, u64, utf8, viewOf } from "../base/bytes.ts";
import { KV_METADATA_LENGTH_MAX } from "../base/limits.ts";
import { setVarint, VARINT_BYTES_MAX, VarintReader } from "../base/varint.ts";
import { decodeKvMetadata, encodeKvMetadata } from "../proof/kv-metadata.ts";
import type { KvMetadata } from "../proof/model.ts";
import { type Allocate, allocateAnew } from "./arena.ts";
import { CHECKSUM_BYTES, crc32 } from "./checksum.ts";

/** Version of everything above. Another one is refused with `format_unsupported`. */
export const FORMAT_VERSION = 1;

export const LOG_TABLE = "log";
export const META_TABLE = "meta";
export const LATEST_TABLE = "latest";
export const HISTORY_TABLE = "history";

/** Keys of the log's meta table. */
export const FORMAT_ROW: Uint8Array = utf8("format");
export const COMMITTED_ROW: Uint8Array = utf8("committed");
export const TRUNCATED_ROW: Uint8Array = utf8("truncated");
export const REMOVED_ROW: Uint8Array = utf8("removed");
export const WITHHELD_ROW: Uint8Array = utf8("withheld");

/** Entries of one row. */
export const ROW_ENTRIES = 32;
/** Entries that share a row of values: few enough for such rows to fill pages well. */
export const ROW_VALUES = 4;
/** Nodes of one row of an entries tree. */
export const ROW_NODES = 64;
/** Lowest level of the entries tree that is kept: below it eight leaves are hashed again. */
export const TREE_LEVEL_MIN = 3;
/** Entries and values live in the transaction record while the whole is at most this long (less than half a page). */
export const INLINE_RECORD_BYTES_MAX = 3072;
/** What an entry takes in a record beside its key and value, at most: lengths, digest, metadata, place, tree nodes. */
export const ENTRY_OVERHEAD_BYTES = 80;
/** Values up to this length share a row with their neighbours'; longer ones get rows of their own. */
export const INLINE_VALUE_BYTES_MAX = 256;
/** Longest piece of a value row. */
export const VALUE_PIECE_BYTES_MAX: number = 1024 * 1024;

/** Flag of a transaction record. */
export const FLAG_ENTRIES_INSIDE = 1;

const KIND_TX = 0;
const KIND_ENTRIES = 1;
const KIND_TREE = 2;
const KIND_VALUES = 3;
const KIND_PIECE = 4;

/** Where the transaction record of `txId` is. */
export function txKey(txId: bigint): Uint8Array {
  const key = new Uint8Array(9);
  setU64(key, 0, txId);
  key[8] = KIND_TX;
  return key;
}

/** The first key that belongs to `txId` or a later transaction. */
export function txRangeStart(txId: bigint): Uint8Array {
  return u64(txId);
}

/** The transaction that a key of the log table belongs to. */
export function txIdOfKey(key: Uint8Array): bigint {
  return viewOf(key).getBigUint64(0);
}

/** Where row `row` of the entries of `txId` is. */
export function entriesKey(txId: bigint, row: number): Uint8Array {
  return rowKey(txId, KIND_ENTRIES, row);
}

/** Where row `row` of the entries tree of `txId` is. */
export function treeKey(txId: bigint, row: number): Uint8Array {
  return rowKey(txId, KIND_TREE, row);
}

/** Where row `row` of the values of `txId` is. */
export function valuesKey(txId: bigint, row: number): Uint8Array {
  return rowKey(txId, KIND_VALUES, row);
}

function rowKey(txId: bigint, kind: number, row: number): Uint8Array {
  const key = new Uint8Array(13);
  setU64(key, 0, txId);
  key[8] = kind;
  setU32(key, 9, row);
  return key;
}

/** Where piece `piece` of the value of entry `entry` of `txId` is. */
export function valueKey(txId: bigint, entry: number, piece: number): Uint8Array {
  const key = new Uint8Array(17);
  setU64(key, 0, txId);
  key[8] = KIND_PIECE;
  setU32(key, 9, entry);
  setU32(key, 13, piece);
  return key;
}

/** Where one version of a key is, and what a reader must know before it opens the value. */
export interface VersionRecord {
  readonly txId: bigint;
  /** Index of the entry in its transaction, from 0. */
  readonly entry: number;
  /** 1-based count of the versions of this key. */
  readonly revision: bigint;
  readonly metadata: KvMetadata | undefined;
}

const versionScratch = new Uint8Array(3 * VARINT_BYTES_MAX + KV_METADATA_LENGTH_MAX + CHECKSUM_BYTES);

/** The row of a version under `rowKey`. */
export function encodeVersion(
  rowKey: Uint8Array,
  version: VersionRecord,
  allocate: Allocate = allocateAnew,
): Uint8Array {
  const { txId, entry, revision, metadata } = version;
  let end = setVarint(versionScratch, 0, txId);
  end = setVarint(versionScratch, end, BigInt(entry));
  end = setVarint(versionScratch, end, revision);
  if (metadata !== undefined) {
    const bytes = encodeKvMetadata(metadata);
    versionScratch.set(bytes, end);
    end += bytes.length;
  }
  setU32(versionScratch, end, crc32(versionScratch, 0, end, crc32(rowKey)));
  const row = allocate(end + CHECKSUM_BYTES);
  for (let at = 0; at < row.length; at++) row[at] = versionScratch[at] as number;
  return row;
}

/** Throws RangeError on bytes, the first `length` of them, that encodeVersion did not write for this key. Keeps none. */
export function decodeVersion(rowKey: Uint8Array, bytes: Uint8Array, length: number = bytes.length): VersionRecord {
  const end = checkedEnd(rowKey, bytes, length);
  const numbers = new VarintReader(bytes);
  const txId = numbers.next();
  const entry = Number(numbers.next());
  const revision = numbers.next();
  if (numbers.at > end) throw new RangeError("a number is cut short");
  const metadata = numbers.at === end ? undefined : decodeKvMetadata(bytes.subarray(numbers.at, end));
  return { txId, entry, revision, metadata };
}

function withChecksum(rowKey: Uint8Array, content: Uint8Array): Uint8Array {
  return concat(content, u32(crc32(content, 0, content.length, crc32(rowKey))));
}

function withoutChecksum(rowKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, checkedEnd(rowKey, bytes, bytes.length));
}

/** Where the checksum begins that ends a row of `length` bytes. Throws RangeError when it does not match. */
function checkedEnd(rowKey: Uint8Array, bytes: Uint8Array, length: number): number {
  const end = length - CHECKSUM_BYTES;
  if (end < 0 || getU32(bytes, end) !== crc32(bytes, 0, end, crc32(rowKey))) {
    throw new RangeError("the checksum does not match");
  }
  return end;
}

/** A row of the log's meta table that names a transaction. */
export function encodeTxIdRow(row: Uint8Array, txId: bigint): Uint8Array {
  return withChecksum(row, u64(txId));
}

/** Throws RangeError on bytes that encodeTxIdRow cannot have written. */
export function decodeTxIdRow(row: Uint8Array, bytes: Uint8Array): bigint {
  return viewOf(withoutChecksum(row, bytes)).getBigUint64(0);
}

/** History row of one revision of a key; all revisions of a key are neighbours, in order. */
export function historyKey(key: Uint8Array, revision: bigint): Uint8Array {
  const row = new Uint8Array(2 + key.length + 8);
  setU16(row, 0, key.length);
  row.set(key, 2);
  setU64(row, 2 + key.length, revision);
  return row;
}

/** How far the index has come. */
export interface IndexWatermark {
  readonly txId: bigint;
  readonly alh: Uint8Array;
  readonly latestRows: bigint;
  readonly historyRows: bigint;
}

/** Key of the watermark in the index's meta table. */
export const WATERMARK_ROW: Uint8Array = utf8("indexed");

const WATERMARK_BYTES = 56;

export function encodeWatermark(watermark: IndexWatermark): Uint8Array {
  const { txId, alh, latestRows, historyRows } = watermark;
  return withChecksum(WATERMARK_ROW, concat(u64(txId), alh, u64(latestRows), u64(historyRows)));
}

/** Throws RangeError on bytes that encodeWatermark did not write. */
export function decodeWatermark(bytes: Uint8Array): IndexWatermark {
  const content = withoutChecksum(WATERMARK_ROW, bytes);
  if (content.length !== WATERMARK_BYTES) throw new RangeError("a watermark has another length");
  const view = viewOf(content);
  return {
    txId: view.getBigUint64(0),
    alh: content.slice(8, 40),
    latestRows: view.getBigUint64(40),
    historyRows: view.getBigUint64(48),
  };
}
