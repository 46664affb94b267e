// Digest of one entry (wire spec §5): the leaf that the entries tree is built over.
//
//   version 0:  H( key | hValue )
//   version 1:  H( u16 len(md) | md | u16 len(key) | key | hValue )      md: serialised key-value metadata
//
// key is the store key, hValue the hash of the store value, both with their prefix bytes.

import { setU16 } from "../base/bytes.ts";
import { check, ProofError } from "./errors.ts";
import { encodeKvMetadata } from "./kv-metadata.ts";
import type { TxEntry } from "./model.ts";
import { DIGEST_LENGTH, sha256 } from "./sha256.ts";

/** Longest key that the length field of the digest can tell. */
const KEY_LENGTH_MAX = 0xffff;

/**
 * The digest of an entry under a header version. Under version 0 the metadata is not part of it: writers and verifiers refuse
 * such an entry before they hash it (`checkEntryVersion`). Throws `version_unsupported`, `digest_malformed`,
 * `store_key_malformed`.
 */
export function entryDigest(entry: Pick<TxEntry, "key" | "metadata" | "hValue">, version: number): Uint8Array {
  const { key, hValue } = entry;
  check(hValue.length === DIGEST_LENGTH, "digest_malformed", "the hash of a value must have 32 bytes");
  check(key.length <= KEY_LENGTH_MAX, "store_key_malformed", "the key is too long");
  switch (version) {
    case 0: {
      const preimage = new Uint8Array(key.length + DIGEST_LENGTH);
      preimage.set(key);
      preimage.set(hValue, key.length);
      return sha256(preimage);
    }
    case 1: {
      const metadata = encodeKvMetadata(entry.metadata);
      const preimage = new Uint8Array(4 + metadata.length + key.length + DIGEST_LENGTH);
      setU16(preimage, 0, metadata.length);
      preimage.set(metadata, 2);
      setU16(preimage, 2 + metadata.length, key.length);
      preimage.set(key, 4 + metadata.length);
      preimage.set(hValue, 4 + metadata.length + key.length);
      return sha256(preimage);
    }
    default:
      throw new ProofError("version_unsupported", `transaction header version ${version} is not supported`, {
        version,
      });
  }
}

/** Refuses metadata under header version 0, whose digest does not cover it. Throws `metadata_unsupported`. */
export function checkEntryVersion(entry: Pick<TxEntry, "metadata">, version: number): void {
  check(
    version !== 0 || encodeKvMetadata(entry.metadata).length === 0,
    "metadata_unsupported",
    "entries under header version 0 cannot have metadata",
  );
}
