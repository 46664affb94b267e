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
import { check } from "./errors.ts";
import type { KvMetadata, TxEntry, TxHeader, TxMetadata } from "./model.ts";
import { ProtoReader, ProtoWriter, VARINT_LENGTH_MAX } from "./proto-wire.ts";
import { checkDigest } from "./tree-hash.ts";

const INT32_MAX = 0x7fff_ffff;
/** One-byte tag and the longest varint, as integer or as length. */
const FIELD_LENGTH_MAX: number = 1 + VARINT_LENGTH_MAX;

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
  const metadata = encodeTxMetadataRecord(header.metadata);
  const writer = new ProtoWriter(10 * FIELD_LENGTH_MAX + 3 * 32 + metadata.length);
  writer.integer(1, header.id);
  writer.bytes(2, header.prevAlh);
  writer.integer(3, header.ts);
  writer.integer(4, header.nentries);
  writer.bytes(5, header.eh);
  writer.integer(6, header.blTxId);
  writer.bytes(7, header.blRoot);
  writer.integer(8, header.version);
  if (metadata.length > 0 || options.emptyMetadata === true) writer.message(9, metadata);
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
  check(entry.vLen <= INT32_MAX, "record_malformed", "the length of the value does not fit the message");
  const metadata = encodeKvMetadataRecord(entry.metadata);
  const value = entry.value ?? EMPTY;
  const writer = new ProtoWriter(
    5 * FIELD_LENGTH_MAX + entry.key.length + entry.hValue.length + metadata.length + value.length,
  );
  writer.bytes(1, entry.key);
  writer.bytes(2, entry.hValue);
  writer.integer(3, entry.vLen);
  if (metadata.length > 0) writer.message(4, metadata);
  writer.bytes(5, value);
  return writer.finish();
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

function encodeTxMetadataRecord(metadata: TxMetadata | undefined): Uint8Array {
  if (metadata === undefined) return EMPTY;
  const { truncatedUptoTx, extra } = metadata;
  const comesBack = truncatedUptoTx !== 0n && (extra === undefined || extra.length > 0);
  check(comesBack, "record_malformed", "the message cannot carry this transaction metadata");
  const writer = new ProtoWriter(2 * FIELD_LENGTH_MAX + (extra === undefined ? 0 : extra.length));
  writer.integer(1, truncatedUptoTx ?? 0n);
  writer.bytes(2, extra ?? EMPTY);
  return writer.finish();
}

function decodeTxMetadataRecord(bytes: Uint8Array): TxMetadata | undefined {
  const reader = new ProtoReader(bytes);
  const metadata: TxMetadata = { truncatedUptoTx: reader.integer(1), extra: reader.bytes(2) };
  reader.end();
  return bytes.length === 0 ? undefined : metadata;
}

function encodeKvMetadataRecord(metadata: KvMetadata | undefined): Uint8Array {
  if (metadata === undefined) return EMPTY;
  const writer = new ProtoWriter(4 * FIELD_LENGTH_MAX);
  writer.integer(1, metadata.deleted);
  if (metadata.expiresAt !== undefined) {
    const expiration = new ProtoWriter(FIELD_LENGTH_MAX);
    expiration.integer(1, metadata.expiresAt);
    writer.message(2, expiration.finish());
  }
  writer.integer(3, metadata.nonIndexable);
  return writer.finish();
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
