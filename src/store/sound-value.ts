// A value straight out of a transaction record (records.ts) that lies in a buffer which the next read overwrites: found by
// lengths alone, without a checksum and without an object for anything on the way.
//
// A value is proven by its own digest, and its entry by the key that was asked for; so whatever a damaged length leads to is
// either the value or nothing. Only what is inside the row counts: behind it lies what was read before.

import { getU32 } from "../base/bytes.ts";
import { DIGEST_LENGTH, sha256Into } from "../proof/sha256.ts";
import {
  ENTRIES_TAG,
  HASH_TAG,
  HEAD_BYTES,
  hasKeyAt,
  lengthAt,
  lengthBytesAt,
  OFFSET_BYTES,
  PLACE_HERE,
  PLACE_SEGMENT,
  valueLengthOf,
} from "./block-bytes.ts";
import { CHECKSUM_BYTES } from "./checksum.ts";
import type { PeekedValue } from "./engine.ts";
import { FLAG_ENTRIES_INSIDE } from "./layout.ts";
import { copied } from "./slab.ts";

const digest = new Uint8Array(DIGEST_LENGTH);

/** Whether the entries of a transaction are in its record. */
export function hasEntriesInside({ bytes, length }: PeekedValue): boolean {
  return length > 0 && bytes[0] === FLAG_ENTRIES_INSIDE;
}

/**
 * A copy of the store value of entry `index` of a record that has its entries inside, when all is as it should be: the entry
 * is there and has this key, the value is here and hashes to what the entry says. Otherwise undefined, which says nothing
 * about what there is instead.
 */
export function soundValueInside(record: PeekedValue, index: number, key: Uint8Array): Uint8Array | undefined {
  const { bytes, length: end } = record;
  const block = blockAt(bytes);
  const wire = block + HEAD_BYTES;
  const places = wire + getU32(bytes, block + 1);
  const count = bytes[block] as number;
  // A length may be anything; nothing is gone through that is not there.
  if (index >= count || places + count > end || bytes[places + index] !== PLACE_HERE) return undefined;
  let valueAt = places + count + CHECKSUM_BYTES;
  for (let i = 0; i < count; i++) if (bytes[places + i] === PLACE_SEGMENT) valueAt += OFFSET_BYTES;
  let entry = wire;
  for (let i = 0; i < index; i++) {
    const start = entry + 1 + lengthBytesAt(bytes, entry + 1);
    const next = start + lengthAt(bytes, entry + 1);
    if (bytes[places + i] === PLACE_HERE) valueAt += valueLengthOf(bytes, start, next);
    entry = next;
  }
  if (entry >= places || bytes[entry] !== ENTRIES_TAG) return undefined;
  const start = entry + 1 + lengthBytesAt(bytes, entry + 1);
  const hashAt = start + 1 + lengthBytesAt(bytes, start + 1) + key.length;
  if (hashAt + 2 + DIGEST_LENGTH > places || !hasKeyAt(bytes, start, key)) return undefined;
  const valueEnd = valueAt + valueLengthOf(bytes, start, start + lengthAt(bytes, entry + 1));
  if (valueEnd > end || bytes[hashAt] !== HASH_TAG || bytes[hashAt + 1] !== DIGEST_LENGTH) return undefined;
  const value = copied(bytes, valueAt, valueEnd);
  sha256Into(value, digest, 0);
  for (let i = 0; i < DIGEST_LENGTH; i++) if (bytes[hashAt + 2 + i] !== digest[i]) return undefined;
  return value;
}

/** Behind flags, header, Alh, nodes of the history tree, nodes of the entries tree and their checksum. */
function blockAt(bytes: Uint8Array): number {
  let at = 3 + (((bytes[1] as number) << 8) | (bytes[2] as number)) + DIGEST_LENGTH;
  at += 1 + (bytes[at] as number) * DIGEST_LENGTH;
  return at + 1 + (bytes[at] as number) * DIGEST_LENGTH + CHECKSUM_BYTES;
}
