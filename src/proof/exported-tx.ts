// A whole transaction as one blob: how it leaves a ledger and enters another one, which then has the same Alh (wire spec §15).
//
//   u32 n | header (tx-header.ts)
//   nentries × { u16 n | store key     u16 n | metadata     u32 n | store value }     in the order of the transaction
//   u16 1 | u8 truncated
//
// truncated 0: with the values. 1: without; in the place of each value stands its hash. Old exporters end after the last entry.
//
// Decoding refuses what has no meaning; whether the transaction is the one that its header says is for whoever takes it in.

import { assert } from "../base/assert.ts";
import { concat, equalBytes, getU32, setU16, setU32, u32, viewOf } from "../base/bytes.ts";
import { check } from "./errors.ts";
import { decodeKvMetadata, encodeKvMetadata } from "./kv-metadata.ts";
import type { KvMetadata, TxEntry, TxHeader } from "./model.ts";
import { DIGEST_LENGTH, sha256 } from "./sha256.ts";
import { decodeTxHeader, encodeTxHeader } from "./tx-header.ts";

/** Length and trailer: u16 1 | u8 truncated. */
const TRAILER_BYTES = 3;
/** Lengths of key, metadata and value. */
const ENTRY_LENGTHS_BYTES = 8;
const KEY_LENGTH_MAX = 0xffff;

/** An entry as it was exported. */
export interface ExportedEntry {
  /** Store key, a copy of its own. */
  readonly key: Uint8Array;
  readonly metadata: KvMetadata | undefined;
  readonly hValue: Uint8Array;
  /** Store value, a view of the blob; undefined in a truncated transaction. */
  readonly value: Uint8Array | undefined;
}

export interface ExportedTx {
  /** As it came: nothing in it has been checked against the entries. */
  readonly header: TxHeader;
  /** As many as the header says. */
  readonly entries: readonly ExportedEntry[];
  /** Whether it came without its values. */
  readonly truncated: boolean;
}

/** What encodeExportedTx() needs. */
export interface TxToExport {
  readonly header: TxHeader;
  /** All entries, in order; values apart. */
  readonly entries: readonly TxEntry[];
  readonly truncated: boolean;
  /** Store value of the entry at an index in pieces, vLen bytes in all. Not called for a truncated transaction. */
  readonly storeValue: (index: number) => Iterable<Uint8Array>;
}

/** How many bytes the blob has. */
export function exportedTxLength({ header, entries, truncated }: Omit<TxToExport, "storeValue">): number {
  let length = 4 + encodeTxHeader(header).length + TRAILER_BYTES;
  for (const { key, metadata, vLen } of entries) {
    length += ENTRY_LENGTHS_BYTES + key.length + encodeKvMetadata(metadata).length + (truncated ? DIGEST_LENGTH : vLen);
  }
  return length;
}

/** The blob in pieces, so that no more than a piece of a value is held at a time. Throws as checkTxHeader, and what `storeValue` throws. */
export function* encodeExportedTx({ header, entries, truncated, storeValue }: TxToExport): Generator<Uint8Array> {
  const encoded = encodeTxHeader(header);
  yield concat(u32(encoded.length), encoded);
  for (const [index, entry] of entries.entries()) {
    yield entryHead(entry, truncated ? DIGEST_LENGTH : entry.vLen);
    if (truncated) {
      yield entry.hValue;
      continue;
    }
    let left = entry.vLen;
    for (const piece of storeValue(index)) {
      left -= piece.length;
      yield piece;
    }
    assert(left === 0, "a value is as long as its entry says");
  }
  yield Uint8Array.of(0, 1, truncated ? 1 : 0);
}

function entryHead({ key, metadata }: TxEntry, valueLength: number): Uint8Array {
  check(key.length <= KEY_LENGTH_MAX, "store_key_malformed", "the key is too long");
  const encoded = encodeKvMetadata(metadata);
  const out = new Uint8Array(ENTRY_LENGTHS_BYTES + key.length + encoded.length);
  setU16(out, 0, key.length);
  out.set(key, 2);
  setU16(out, 2 + key.length, encoded.length);
  out.set(encoded, 4 + key.length);
  setU32(out, 4 + key.length + encoded.length, valueLength);
  return out;
}

/**
 * Reads a blob. Throws `exported_tx_malformed`, and what its header and metadata throw: `tx_header_malformed`,
 * `version_unsupported`, `tx_metadata_malformed`, `kv_metadata_malformed`.
 */
export function decodeExportedTx(blob: Uint8Array): ExportedTx {
  const reader = new BlobReader(blob);
  const headerBytes = reader.take(reader.u32());
  const header = decodeTxHeader(headerBytes);
  checkCanonical(encodeTxHeader(header), headerBytes);
  const raw: RawEntry[] = [];
  for (let i = 0; i < header.nentries; i++) raw.push(readEntry(reader));
  const truncated = readTrailer(reader);
  return { header, entries: raw.map((entry) => (truncated ? withoutValue(entry) : withValue(entry))), truncated };
}

interface RawEntry {
  readonly key: Uint8Array;
  readonly metadata: KvMetadata | undefined;
  /** The value, or its hash. */
  readonly rest: Uint8Array;
}

function readEntry(reader: BlobReader): RawEntry {
  // A view would keep the whole blob in memory for as long as the key is remembered.
  const key = reader.take(reader.u16()).slice();
  check(key.length > 0, "exported_tx_malformed", "a key of the exported transaction is empty");
  const metadataBytes = reader.take(reader.u16());
  const metadata = decodeKvMetadata(metadataBytes);
  checkCanonical(encodeKvMetadata(metadata), metadataBytes);
  return { key, metadata, rest: reader.take(reader.u32()) };
}

/** Metadata can be said in more than one way, and is hashed in one: what we do not write ourselves cannot be kept as it is. */
function checkCanonical(written: Uint8Array, came: Uint8Array): void {
  check(equalBytes(written, came), "exported_tx_malformed", "metadata of the exported transaction is not in its order");
}

function withValue({ key, metadata, rest }: RawEntry): ExportedEntry {
  return { key, metadata, hValue: sha256(rest), value: rest };
}

function withoutValue({ key, metadata, rest }: RawEntry): ExportedEntry {
  const isDigest = rest.length === DIGEST_LENGTH;
  check(isDigest, "exported_tx_malformed", "a truncated transaction has something else in the place of a hash");
  return { key, metadata, hValue: rest.slice(), value: undefined };
}

/** Whether the blob is truncated; that it ends there. */
function readTrailer(reader: BlobReader): boolean {
  if (reader.left === 0) return false;
  const isTrailer = reader.left === TRAILER_BYTES && reader.u16() === 1;
  check(isTrailer, "exported_tx_malformed", "the exported transaction does not end after its entries");
  const [flag] = reader.take(1);
  check(flag === 0 || flag === 1, "exported_tx_malformed", "whether the exported transaction is truncated is unclear");
  return flag === 1;
}

class BlobReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u16(): number {
    this.#need(2);
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    this.#need(4);
    this.#at += 4;
    return getU32(this.#bytes, this.#at - 4);
  }

  /** A view of the next bytes. */
  take(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #need(length: number): void {
    check(length <= this.left, "exported_tx_malformed", "the exported transaction is cut short");
  }
}
