// Attributes of an entry as bytes (wire spec §3): one code byte each, ascending, only those present.
//
//   deleted        00
//   expires at     01 | i64 unix seconds
//   non-indexable  02
//
// No metadata and metadata without attributes are the same zero bytes: the digest cannot tell them apart, so neither do we.

import { EMPTY, viewOf } from "../base/bytes.ts";
import { KV_METADATA_LENGTH_MAX } from "../base/limits.ts";
import { check, ProofError } from "./errors.ts";
import type { KvMetadata } from "./model.ts";

const DELETED = 0x00;
const EXPIRES_AT = 0x01;
const NON_INDEXABLE = 0x02;

/** 0 to 11 bytes. */
export function encodeKvMetadata(metadata: KvMetadata | undefined): Uint8Array {
  if (metadata === undefined) return EMPTY;
  const { deleted, expiresAt, nonIndexable } = metadata;
  const out = new Uint8Array((deleted ? 1 : 0) + (expiresAt === undefined ? 0 : 9) + (nonIndexable ? 1 : 0));
  let at = 0;
  if (deleted) out[at++] = DELETED;
  if (expiresAt !== undefined) {
    out[at] = EXPIRES_AT;
    viewOf(out).setBigInt64(at + 1, expiresAt);
    at += 9;
  }
  if (nonIndexable) out[at] = NON_INDEXABLE;
  return out;
}

/**
 * Reads attributes in any order; a repeated one counts as its last. Such bytes come only with exported transactions, and since
 * we write the canonical order, a transaction that was hashed over another order fails its entries root.
 * Zero bytes are no metadata. Throws `kv_metadata_malformed`.
 */
export function decodeKvMetadata(bytes: Uint8Array): KvMetadata | undefined {
  check(bytes.length <= KV_METADATA_LENGTH_MAX, "kv_metadata_malformed", "key-value metadata is too long");
  if (bytes.length === 0) return undefined;
  let deleted = false;
  let expiresAt: bigint | undefined;
  let nonIndexable = false;
  for (let at = 0; at < bytes.length; ) {
    switch (bytes[at++]) {
      case DELETED:
        deleted = true;
        break;
      case EXPIRES_AT:
        check(at + 8 <= bytes.length, "kv_metadata_malformed", "key-value metadata ends inside an attribute");
        expiresAt = viewOf(bytes).getBigInt64(at);
        at += 8;
        break;
      case NON_INDEXABLE:
        nonIndexable = true;
        break;
      default:
        throw new ProofError("kv_metadata_malformed", "key-value metadata has an unknown attribute");
    }
  }
  return { deleted, expiresAt, nonIndexable };
}
