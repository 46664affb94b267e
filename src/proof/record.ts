// Headers and entries as records: the bytes of the wire messages `TxHeader` and `TxEntry`, written without the protobuf
// library, so that the store can keep them on disk and an answer can copy them out unchanged.
//
//   TxHeader    1 id · 2 prevAlh · 3 ts · 4 nentries · 5 eh · 6 blTxId · 7 blRoot · 8 version · 9 metadata
//   metadata    1 truncatedUptoTx · 2 extra
//   TxEntry     1 key · 2 hValue · 3 vLen · 4 metadata · 5 value
//   metadata    1 deleted · 2 expiration { 1 expiresAt } · 3 nonIndexable
//
// Metadata without attributes counts as none, as in the digests. An empty value is not told apart from none: vLen does that.
// Decoded byte fields are views into the record.

import { EMPTY } from "../base/bytes.ts";
import { MessageWriter } from "../base/message-writer.ts";
import { check } from "./errors.ts";
import type { KvMetadata, TxEntry, TxHeader, TxMetadata } from "./model.ts";
import { ProtoReader } from "./proto-wire.ts";
import { checkDigest } from "./tree-hash.ts";

const INT32_MAX = 0x7fff_ffff;
const WIRE_VARINT = 0;
const WIRE_BYTES = 2;

const writer = new MessageWriter();

export interface HeaderRecordOptions {
  /** Write a metadata message, empty, for a header without metadata: headers of fully read transactions look so on the wire. */
  readonly emptyMetadata?: boolean;
}

/**
 * The header as a `TxHeader` message. Throws `record_malformed` for what the message cannot say: a count beyond int32, or
 * metadata that would come back different (truncated up to transaction 0, an empty `extra`).
 */
export function encodeTxHeaderRecord(header: TxHeader, options: HeaderRecordOptions = {}): Uint8Array {
  check(header.nentries <= INT32_MAX, "record_malformed", "the number of entries does not fit the message");
  // From the last field to the first, as the writer wants them.
  writer.start();
  writeTxMetadata(header.metadata);
  if (writer.length > 0 || options.emptyMetadata === true) writer.nested(bytesTag(9), 0);
  writeNumber(8, header.version);
  writeBytes(7, header.blRoot);
  writeUint64(6, header.blTxId);
  writeBytes(5, header.eh);
  writeNumber(4, header.nentries);
  writeInt64(3, header.ts);
  writeBytes(2, header.prevAlh);
  writeUint64(1, header.id);
  return writer.finish();
}

/** Reads a header record. Throws `record_malformed`, `digest_malformed`. */
export function decodeTxHeaderRecord(bytes: Uint8Array): TxHeader {
  const reader = new ProtoReader(bytes);
  const header: TxHeader = {
    id: uint64(reader.integer(1)),
    prevAlh: digest(reader.bytes(2)),
    ts: int64(reader.integer(3)),
    nentries: count(reader.number(4)),
    eh: digest(reader.bytes(5)),
    blTxId: uint64(reader.integer(6)),
    blRoot: digest(reader.bytes(7)),
    version: count(reader.number(8)),
    metadata: decodeTxMetadataRecord(reader.message(9) ?? EMPTY),
  };
  reader.end();
  return header;
}

/** The entry as a `TxEntry` message, with its value if it has one. Throws `record_malformed` for a length beyond int32. */
export function encodeTxEntryRecord(entry: TxEntry): Uint8Array {
  writer.start();
  writeTxEntry(entry);
  return writer.finish();
}

/** Entries in one piece, each as field 2 of a `Tx` message (12 | varint length | TxEntry). Throws `record_malformed`. */
export function encodeTxEntryRecords(entries: readonly TxEntry[]): Uint8Array {
  writer.start();
  for (let i = entries.length - 1; i >= 0; i--) {
    const lengthBefore = writer.length;
    writeTxEntry(entries[i] as TxEntry);
    writer.nested(bytesTag(2), lengthBefore);
  }
  return writer.finish();
}

function writeTxEntry(entry: TxEntry): void {
  check(entry.vLen <= INT32_MAX, "record_malformed", "the length of the value does not fit the message");
  if (entry.value !== undefined) writeBytes(5, entry.value);
  const lengthBefore = writer.length;
  writeKvMetadata(entry.metadata);
  if (writer.length > lengthBefore) writer.nested(bytesTag(4), lengthBefore);
  writeNumber(3, entry.vLen);
  writeBytes(2, entry.hValue);
  writeBytes(1, entry.key);
}

/** Reads an entry record. Throws `record_malformed`, `digest_malformed`. */
export function decodeTxEntryRecord(bytes: Uint8Array): TxEntry {
  const reader = new ProtoReader(bytes);
  const entry: TxEntry = {
    key: reader.bytes(1) ?? EMPTY,
    hValue: digest(reader.bytes(2)),
    vLen: count(reader.number(3)),
    metadata: decodeKvMetadataRecord(reader.message(4) ?? EMPTY),
    value: reader.bytes(5),
  };
  reader.end();
  return entry;
}

function writeTxMetadata(metadata: TxMetadata | undefined): void {
  if (metadata === undefined) return;
  const { truncatedUptoTx, extra } = metadata;
  const comesBack = truncatedUptoTx !== 0n && (extra === undefined || extra.length > 0);
  check(comesBack, "record_malformed", "the message cannot carry this transaction metadata");
  if (extra !== undefined) writeBytes(2, extra);
  if (truncatedUptoTx !== undefined) writeUint64(1, truncatedUptoTx);
}

function decodeTxMetadataRecord(bytes: Uint8Array): TxMetadata | undefined {
  const reader = new ProtoReader(bytes);
  const metadata: TxMetadata = { truncatedUptoTx: reader.integer(1), extra: reader.bytes(2) };
  reader.end();
  return bytes.length === 0 ? undefined : metadata;
}

function writeKvMetadata(metadata: KvMetadata | undefined): void {
  if (metadata === undefined) return;
  if (metadata.nonIndexable) writer.bool(varintTag(3), true);
  if (metadata.expiresAt !== undefined) {
    const lengthBefore = writer.length;
    writeInt64(1, metadata.expiresAt);
    writer.nested(bytesTag(2), lengthBefore);
  }
  if (metadata.deleted) writer.bool(varintTag(1), true);
}

// Fields that are left out when they are zero.

function writeBytes(field: number, value: Uint8Array): void {
  if (value.length > 0) writer.bytes(bytesTag(field), value);
}

function writeNumber(field: number, value: number): void {
  if (value !== 0) writer.int32(varintTag(field), value);
}

function writeUint64(field: number, value: bigint): void {
  if (value !== 0n) writer.uint64(varintTag(field), value);
}

function writeInt64(field: number, value: bigint): void {
  if (value !== 0n) writer.int64(varintTag(field), value);
}

function varintTag(field: number): number {
  return field * 8 + WIRE_VARINT;
}

function bytesTag(field: number): number {
  return field * 8 + WIRE_BYTES;
}

function decodeKvMetadataRecord(bytes: Uint8Array): KvMetadata | undefined {
  const reader = new ProtoReader(bytes);
  const deleted = flag(reader.number(1));
  const expiration = reader.message(2);
  const expiresAt = expiration === undefined ? undefined : decodeExpiration(expiration);
  const nonIndexable = flag(reader.number(3));
  reader.end();
  return bytes.length === 0 ? undefined : { deleted, expiresAt, nonIndexable };
}

function decodeExpiration(bytes: Uint8Array): bigint {
  const reader = new ProtoReader(bytes);
  const expiresAt = int64(reader.integer(1));
  reader.end();
  return expiresAt;
}

function digest(bytes: Uint8Array | undefined): Uint8Array {
  const value = bytes ?? EMPTY;
  checkDigest(value);
  return value;
}

function uint64(value: bigint | undefined): bigint {
  return value ?? 0n;
}

function int64(value: bigint | undefined): bigint {
  return BigInt.asIntN(64, value ?? 0n);
}

/** A number that is never negative and fits int32. */
function count(number = 0): number {
  check(number <= INT32_MAX, "record_malformed", "a number of the record is too big");
  return number;
}

function flag(number = 0): boolean {
  check(number <= 1, "record_malformed", "a flag of the record is neither 0 nor 1");
  return number === 1;
}
