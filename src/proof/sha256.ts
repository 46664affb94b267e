// SHA-256 (FIPS 180-4) as a port: the portable implementation by default, a platform's faster one when a program sets it at
// its start. An implementation must not keep or change its argument, since callers hash from scratch buffers that they reuse.

import { sha256 as portableSha256 } from "@noble/hashes/sha2.js";

/** Maps any bytes to their 32-byte digest, in a new array. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Bytes of a digest. */
export const DIGEST_LENGTH = 32;

let implementation: Sha256 = portableSha256;

/** The 32-byte SHA-256 digest of `data`. */
export function sha256(data: Uint8Array): Uint8Array {
  return implementation(data);
}

/** Replaces the implementation for the whole program; without argument, puts the portable one back. */
export function setSha256(replacement: Sha256 = portableSha256): void {
  implementation = replacement;
}
