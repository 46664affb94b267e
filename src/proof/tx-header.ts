// Header of a transaction: its hashes and its bytes (wire spec §7).
//
//   innerHash = H( i64 ts | u16 version | V | eh | u64 blTxId | blRoot )
//   alh       = H( u64 id | prevAlh | innerHash )
//
//   V, version 0:  u16 nentries
//   V, version 1:  u16 len(md) | md | u32 nentries          md: serialised transaction metadata
//
// Serialised:  u64 id | prevAlh | i64 ts | u16 version | V | eh | u64 blTxId | blRoot
//
// The alh covers the whole past: it chains to prevAlh, and blRoot is the root of the history tree over the alh of
// transactions 1..blTxId.

import { EMPTY, setU16, setU32, setU64, viewOf } from "../base/bytes.ts";
import { TX_METADATA_LENGTH_MAX } from "../base/limits.ts";
import { check } from "./errors.ts";
import type { TxHeader, TxMetadata } from "./model.ts";
import { DIGEST_LENGTH, sha256 } from "./sha256.ts";
import { checkDigest } from "./tree-hash.ts";
import { decodeTxMetadata, encodeTxMetadata } from "./tx-metadata.ts";

/** The alh before the first transaction, and the hash of an empty database's state: H(""). */
export const EMPTY_ALH: Uint8Array = sha256(EMPTY);
/** The blRoot of a header whose blTxId is 0: 32 zero bytes. */
export const ZERO_DIGEST: Uint8Array = new Uint8Array(DIGEST_LENGTH);

const SERIALISED_LENGTH_MIN = 124;

/** Hash of what a transaction says besides its place in the chain. Throws as `checkTxHeader`. */
export function innerHash(header: TxHeader): Uint8Array {
  return sha256(body(header));
}

/** The accumulative linear hash: identifies the transaction and everything before it. Throws as `checkTxHeader`. */
export function alh(header: TxHeader): Uint8Array {
  checkDigest(header.prevAlh);
  return advance(header.prevAlh, header.id, innerHash(header));
}

// Scratch space, as in tree-hash.
const linkPreimage = new Uint8Array(8 + 2 * DIGEST_LENGTH);

/** One step along the linear chain: the alh of `txId` from the alh before it and its inner hash. */
export function advance(prevAlh: Uint8Array, txId: bigint, inner: Uint8Array): Uint8Array {
  checkDigest(prevAlh);
  checkDigest(inner);
  setU64(linkPreimage, 0, txId);
  linkPreimage.set(prevAlh, 8);
  linkPreimage.set(inner, 8 + DIGEST_LENGTH);
  return sha256(linkPreimage);
}

/**
 * Refuses a header whose hash would not cover all that it says: an unknown version, metadata under version 0, more entries
 * than the count field holds, a digest of another length. Throws `version_unsupported`, `metadata_unsupported`,
 * `tx_header_malformed`, `digest_malformed`.
 */
export function checkTxHeader(header: TxHeader): void {
  const { version, nentries } = header;
  checkVersion(version);
  const nentriesMax = version === 0 ? 0xffff : 0xffff_ffff;
  const countHolds = Number.isInteger(nentries) && nentries >= 0 && nentries <= nentriesMax;
  check(countHolds, "tx_header_malformed", "the number of entries is out of range", { nentries });
  const metadataHolds = version === 1 || encodeTxMetadata(header.metadata).length === 0;
  check(metadataHolds, "metadata_unsupported", "a header of version 0 cannot have metadata");
  checkDigest(header.prevAlh);
  checkDigest(header.eh);
  checkDigest(header.blRoot);
}

/** Serialised form, as exports carry it: 124 bytes under version 0, 128 and the metadata under version 1. */
export function encodeTxHeader(header: TxHeader): Uint8Array {
  const tail = body(header);
  const out = new Uint8Array(8 + DIGEST_LENGTH + tail.length);
  setU64(out, 0, header.id);
  out.set(header.prevAlh, 8);
  out.set(tail, 8 + DIGEST_LENGTH);
  return out;
}

/** Reads the serialised form; refuses leftover bytes. Throws `tx_header_malformed` and what its parts throw. */
export function decodeTxHeader(bytes: Uint8Array): TxHeader {
  check(bytes.length >= SERIALISED_LENGTH_MIN, "tx_header_malformed", "the header is too short");
  const view = viewOf(bytes);
  const version = view.getUint16(48);
  checkVersion(version);
  const middle =
    version === 0 ? { metadata: undefined, nentries: view.getUint16(50), end: 52 } : readMiddle(bytes, view);
  check(middle.end + 72 === bytes.length, "tx_header_malformed", "the header has the wrong length");
  const header: TxHeader = {
    id: view.getBigUint64(0),
    prevAlh: bytes.slice(8, 40),
    ts: view.getBigInt64(40),
    version,
    metadata: middle.metadata,
    nentries: middle.nentries,
    eh: bytes.slice(middle.end, middle.end + 32),
    blTxId: view.getBigUint64(middle.end + 32),
    blRoot: bytes.slice(middle.end + 40),
  };
  checkPlace(header);
  return header;
}

/** Refuses a header that no transaction can have: id 0, no entries, a history tree that would hold the transaction itself. */
function checkPlace(header: TxHeader): void {
  const { id, blTxId, nentries } = header;
  const holds = id > 0n && blTxId < id && nentries > 0;
  check(holds, "tx_header_malformed", "no transaction can have this header", { id, blTxId, nentries });
}

function checkVersion(version: number): void {
  const known = version === 0 || version === 1;
  check(known, "version_unsupported", `header version ${version} is not supported`, { version });
}

/** Metadata and count of a version 1 header, and where they end. */
function readMiddle(
  bytes: Uint8Array,
  view: DataView,
): { metadata: TxMetadata | undefined; nentries: number; end: number } {
  const length = view.getUint16(50);
  const end = 52 + length + 4;
  const fits = length <= TX_METADATA_LENGTH_MAX && end <= bytes.length;
  check(fits, "tx_header_malformed", "the header's metadata is too long");
  return { metadata: decodeTxMetadata(bytes.subarray(52, 52 + length)), nentries: view.getUint32(end - 4), end };
}

/** The preimage of the inner hash, which is also the tail of the serialised form. */
function body(header: TxHeader): Uint8Array {
  checkTxHeader(header);
  const metadata = encodeTxMetadata(header.metadata);
  const middle = header.version === 0 ? 2 : 6 + metadata.length;
  const out = new Uint8Array(10 + middle + 72);
  setU64(out, 0, header.ts);
  setU16(out, 8, header.version);
  if (header.version === 0) {
    setU16(out, 10, header.nentries);
  } else {
    setU16(out, 10, metadata.length);
    out.set(metadata, 12);
    setU32(out, 12 + metadata.length, header.nentries);
  }
  out.set(header.eh, 10 + middle);
  setU64(out, 10 + middle + 32, header.blTxId);
  out.set(header.blRoot, 10 + middle + 40);
  return out;
}
