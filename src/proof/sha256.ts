// SHA-256 (FIPS 180-4) as a port: the portable implementation by default, a platform's faster one when a program sets it at
// its start. An implementation must not keep or change its argument, since callers hash from scratch buffers that they reuse.

import { sha256 as portableSha256 } from "@noble/hashes/sha2.js";

/** Maps any bytes to their 32-byte digest, in a new array. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Writes the digest of `data` at `at`. */
export type Sha256Into = (data: Uint8Array, out: Uint8Array, at: number) => void;

/** Bytes of a digest. */
export const DIGEST_LENGTH = 32;

const copyInto: Sha256Into = (data, out, at) => out.set(implementation(data), at);

let implementation: Sha256 = portableSha256;
let implementationInto: Sha256Into = copyInto;

/** The 32-byte SHA-256 digest of `data`. */
export function sha256(data: Uint8Array): Uint8Array {
  return implementation(data);
}

/** Writes the 32-byte SHA-256 digest of `data` at `at`: what a tree of many digests keeps together costs no array for each. */
export function sha256Into(data: Uint8Array, out: Uint8Array, at: number): void {
  implementationInto(data, out, at);
}

/** Replaces the implementation for the whole program; without argument, puts the portable one back. */
export function setSha256(replacement: Sha256 = portableSha256, into: Sha256Into = copyInto): void {
  implementation = replacement;
  implementationInto = into;
}
