// The two hashes that both trees are made of (RFC 6962 §2.1). The prefix byte keeps a leaf from posing as a node.
//
//   leaf  H( 00 | 32 bytes )          node  H( 01 | left | right )

import { check } from "./errors.ts";
import { DIGEST_LENGTH, sha256, sha256Into } from "./sha256.ts";

// Scratch space: hashing is synchronous and an implementation does not keep its argument.
const leafPreimage = new Uint8Array(1 + DIGEST_LENGTH);
const nodePreimage = new Uint8Array(1 + 2 * DIGEST_LENGTH);
leafPreimage[0] = 0x00;
nodePreimage[0] = 0x01;

/** Hash of a leaf over a 32-byte digest (an Alh, an entry digest). Throws `digest_malformed`. */
export function leafHash(digest: Uint8Array): Uint8Array {
  checkDigest(digest);
  leafPreimage.set(digest, 1);
  return sha256(leafPreimage);
}

/** The same, written at `at`. */
export function leafHashInto(digest: Uint8Array, out: Uint8Array, at: number): void {
  checkDigest(digest);
  leafPreimage.set(digest, 1);
  sha256Into(leafPreimage, out, at);
}

/** Hash of an inner node over its two children. Throws `digest_malformed`. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  checkDigest(left);
  checkDigest(right);
  nodePreimage.set(left, 1);
  nodePreimage.set(right, 1 + DIGEST_LENGTH);
  return sha256(nodePreimage);
}

/** Hash of an inner node over two children that stand side by side, 64 bytes, written at `at`. */
export function nodeHashInto(children: Uint8Array, out: Uint8Array, at: number): void {
  nodePreimage.set(children, 1);
  sha256Into(nodePreimage, out, at);
}

/** Throws `digest_malformed` unless the digest has 32 bytes: padding or cutting one would let two differ and count as equal. */
export function checkDigest(digest: Uint8Array): void {
  check(digest.length === DIGEST_LENGTH, "digest_malformed", "a digest must have 32 bytes", { length: digest.length });
}
