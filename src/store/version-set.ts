// A set of versions (key, transaction, entry, metadata) as a digest that does not depend on the order in which they are added:
// two walks in different orders, over as many rows as there are, can be compared in constant memory.
//
//   digest = XOR of H( seed | u64 transaction | u32 entry | u16 length of key | key | metadata ) over all versions
//
// The seed is random and new for each comparison, so nobody can have chosen rows that cancel each other; two different sets
// then have the same digest with a probability of 2^-256. A version must not be added twice.

import { concat, viewOf } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { encodeKvMetadata } from "../proof/kv-metadata.ts";
import type { KvMetadata } from "../proof/model.ts";
import { DIGEST_LENGTH, sha256 } from "../proof/sha256.ts";

const SEED_BYTES = 32;
const FIXED_BYTES: number = SEED_BYTES + 8 + 4 + 2;

/** A seed for the sets that are to be compared. */
export function newSeed(random: Random): Uint8Array {
  return random.bytes(SEED_BYTES);
}

export class VersionSet {
  count = 0;
  readonly #fixed = new Uint8Array(FIXED_BYTES);
  readonly #digest = new Uint8Array(DIGEST_LENGTH);

  constructor(seed: Uint8Array) {
    this.#fixed.set(seed);
  }

  add(key: Uint8Array, txId: bigint, entry: number, metadata: KvMetadata | undefined): void {
    const view = viewOf(this.#fixed);
    view.setBigUint64(SEED_BYTES, txId);
    view.setUint32(SEED_BYTES + 8, entry);
    view.setUint16(SEED_BYTES + 12, key.length);
    const digest = sha256(concat(this.#fixed, key, encodeKvMetadata(metadata)));
    for (let i = 0; i < DIGEST_LENGTH; i++) this.#digest[i] = (this.#digest[i] as number) ^ (digest[i] as number);
    this.count++;
  }

  equals(other: VersionSet): boolean {
    return this.count === other.count && this.#digest.every((byte, i) => byte === other.#digest[i]);
  }
}
