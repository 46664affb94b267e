// The tree over the history: leaf i (from 1) is the alh of transaction i (wire spec §8). Its root for size n is the RFC 6962
// Merkle tree hash over leaves 1..n, split at the largest power of two below n.
//
// Only hashes of complete aligned subtrees are ever stored, and they never change. Node (level, index) covers the leaves
// index·2^level + 1 … (index+1)·2^level. Of a tree of size 5 these are kept:
//
//   level 2   (2,0)───────────────┐
//   level 1   (1,0)─────┐ (1,1)───┤          the root of size 5 is N( (2,0), (0,4) ),
//   level 0   (0,0) (0,1) (0,2) (0,3) (0,4)  of size 3 it was N( (1,0), (0,2) ).
//
// Every root and proof of every past size is a combination of at most log2(n)+1 of them. Term lists run bottom-up.
// Positions inside the tree count from 0; sizes and leaf numbers from 1.

import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { check } from "./errors.ts";
import { nodeHash } from "./tree-hash.ts";

export { leafHash, nodeHash } from "./tree-hash.ts";

/** Reads the stored hash of a complete subtree. Never asked for one that reaches beyond the tree. */
export interface NodeReader {
  (level: number, index: number): Uint8Array;
  /**
   * Remembers the hash over leaf positions start..end−1 that `compute` returns, and returns it: the ragged right edge of a tree
   * is part of every proof about it. Absent: it is computed each time.
   */
  readonly remember?: (start: number, end: number, compute: () => Uint8Array) => Uint8Array;
}

/**
 * The hashes that become complete when leaf `n` (from 1) is appended: element l belongs to node (l, n/2^l − 1), element 0 is
 * `leaf`, the leaf hash itself. `read` must know the nodes of size n − 1.
 */
export function completedNodes(n: number, leaf: Uint8Array, read: NodeReader): Uint8Array[] {
  assertSize(n);
  const completed = [leaf];
  let hash = leaf;
  let nodes = n;
  for (let level = 0; nodes % 2 === 0; level++) {
    hash = nodeHash(read(level, nodes - 2), hash);
    completed.push(hash);
    nodes /= 2;
  }
  return completed;
}

/** Root of the tree of `size` leaves, at least 1. An empty tree has no root (headers write 32 zero bytes). */
export function historyRoot(size: number, read: NodeReader): Uint8Array {
  assertSize(size);
  return rangeHash(0, size, read);
}

/** Audit path of leaf `i` in the tree of size `j`, 1 <= i <= j. */
export function historyInclusion(i: number, j: number, read: NodeReader): Uint8Array[] {
  assertSize(i);
  assertSize(j);
  assert(i <= j, "a leaf lies inside its tree");
  return auditPath(0, i - 1, j, read);
}

/**
 * Shows that the tree of size `i` is the beginning of the tree of size `j`, 1 <= i <= j. As RFC 6962 §2.1.2, except that the
 * first term is always there (RFC 6962 leaves the old root out when i is a power of two), and that i = j >= 2 gives the two
 * halves of the root.
 */
export function historyConsistency(i: number, j: number, read: NodeReader): Uint8Array[] {
  assertSize(i);
  assertSize(j);
  assert(i <= j, "a consistency proof leads to a later tree");
  if (i === j) {
    if (i === 1) return [];
    const split = largestPowerOfTwo(i - 1);
    return [rangeHash(split, i, read), rangeHash(0, split, read)];
  }
  // The biggest complete subtree that ends with leaf i is part of both trees: its hash starts both roots.
  let level = 0;
  let index = i - 1;
  while (index % 2 === 1) {
    index = (index - 1) / 2;
    level++;
  }
  return [read(level, index), ...auditPath(level, index, j, read)];
}

/**
 * Proves that `leaf` (a leaf hash) is leaf `i` of the tree of size `j` with this root, and returns it.
 * RFC 9162 §2.1.3.2. Throws `history_inclusion`.
 */
export function verifyInclusion(
  terms: readonly Uint8Array[],
  i: bigint,
  j: bigint,
  leaf: Uint8Array,
  root: Uint8Array,
): Uint8Array {
  const boundsHold = i > 0n && i <= j && (i === j || terms.length > 0);
  check(boundsHold, "history_inclusion", "no proof can be about this position", { i, j, terms: terms.length });
  let at = i - 1n;
  let last = j - 1n;
  let hash = leaf;
  for (const term of terms) {
    hash = at % 2n === 0n && at !== last ? nodeHash(hash, term) : nodeHash(term, hash);
    at >>= 1n;
    last >>= 1n;
  }
  // Without this, a genuine proof of one position passes for another one.
  check(at === last, "history_inclusion", "the proof is about another position", { i, j });
  check(equalBytes(hash, root), "history_inclusion", "the leaf is not part of the tree", { i, j });
  return leaf;
}

/**
 * Proves that the tree of size `i` with `rootI` is the beginning of the tree of size `j` with `rootJ`, and returns `rootJ`.
 * RFC 9162 §2.1.4.2, with the first term always present. Throws `history_consistency`.
 */
export function verifyConsistency(
  terms: readonly Uint8Array[],
  i: bigint,
  j: bigint,
  rootI: Uint8Array,
  rootJ: Uint8Array,
): Uint8Array {
  const failure = "the older tree is not the beginning of the newer one";
  const boundsHold = i > 0n && i <= j && (i === j || terms.length > 0);
  check(boundsHold, "history_consistency", "no proof can be about these sizes", { i, j, terms: terms.length });
  const [start, ...path] = terms;
  if (start === undefined) {
    check(equalBytes(rootI, rootJ), "history_consistency", failure, { i, j });
    return rootJ;
  }
  let at = i - 1n;
  let last = j - 1n;
  while (at % 2n === 1n) {
    at >>= 1n;
    last >>= 1n;
  }
  let older = start;
  let newer = start;
  for (const term of path) {
    if (at % 2n === 1n || at === last) {
      older = nodeHash(term, older);
      newer = nodeHash(term, newer);
      while (at % 2n === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      newer = nodeHash(newer, term);
    }
    at >>= 1n;
    last >>= 1n;
  }
  check(i === j || last === 0n, "history_consistency", "the proof is about other sizes", { i, j });
  check(equalBytes(older, rootI) && equalBytes(newer, rootJ), "history_consistency", failure, { i, j });
  return rootJ;
}

/**
 * Proves that `leaf` (a leaf hash) is the last leaf of the tree of size `i` with this root, and returns it: every term is a
 * left sibling, one for each one-bit of i − 1. Throws `history_last_inclusion`.
 */
export function verifyLastInclusion(
  terms: readonly Uint8Array[],
  i: bigint,
  leaf: Uint8Array,
  root: Uint8Array,
): Uint8Array {
  const lengthHolds = i > 0n && terms.length === oneBits(i - 1n);
  check(lengthHolds, "history_last_inclusion", "no proof can be about this size", { i, terms: terms.length });
  const hash = terms.reduce((right, left) => nodeHash(left, right), leaf);
  check(equalBytes(hash, root), "history_last_inclusion", "the leaf is not the last of the tree", { i });
  return leaf;
}

/** Siblings of node (level, index) up to the root of the tree of `size` leaves; none where a node has no sibling. */
function auditPath(level: number, index: number, size: number, read: NodeReader): Uint8Array[] {
  const terms: Uint8Array[] = [];
  let width = 2 ** level;
  for (let at = index, depth = level; width < size; depth++, width *= 2) {
    if (at % 2 === 1) terms.push(read(depth, at - 1));
    else if ((at + 2) * width <= size) terms.push(read(depth, at + 1));
    else if ((at + 1) * width < size) terms.push(edgeHash((at + 1) * width, size, read));
    at = Math.floor(at / 2);
  }
  return terms;
}

function edgeHash(start: number, size: number, read: NodeReader): Uint8Array {
  const compute = (): Uint8Array => rangeHash(start, size, read);
  return read.remember === undefined ? compute() : read.remember(start, size, compute);
}

/** Hash over leaf positions start..end−1. `start` is a multiple of a power of two that is at least the range's length. */
function rangeHash(start: number, end: number, read: NodeReader): Uint8Array {
  const width = largestPowerOfTwo(end - start);
  const left = read(Math.log2(width), start / width);
  return start + width === end ? left : nodeHash(left, rangeHash(start + width, end, read));
}

function largestPowerOfTwo(atMost: number): number {
  let power = 1;
  while (power * 2 <= atMost) power *= 2;
  return power;
}

function oneBits(value: bigint): number {
  let count = 0;
  for (let rest = value; rest > 0n; rest >>= 1n) if (rest % 2n === 1n) count++;
  return count;
}

function assertSize(size: number): void {
  assert(Number.isSafeInteger(size) && size > 0, "sizes and leaf numbers of the history tree count from 1");
}
