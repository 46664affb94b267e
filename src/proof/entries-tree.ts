// The tree over the entries of one transaction (wire spec §6). Its root, eh, stands in the transaction header.
//
//            N(N(a,b),c)        Each level pairs neighbours; an odd last node moves up unchanged. The shape is RFC 6962's,
//            /        \         with the entry digest hashed once more as the leaf: a = L(digest 0).
//        N(a,b)        c
//        /    \        |        No entries: the root is H("").
//       a      b       c
//
// Who keeps the nodes of the upper levels proves an entry from the digests of its neighbours alone: the levels below them are
// hashed again, from an aligned group of 2^lowest leaves. Upper nodes are listed level by level, each from the left, without
// the root, nodes that moved up alone included.

import { assert } from "../base/assert.ts";
import { EMPTY, equalBytes } from "../base/bytes.ts";
import { check } from "./errors.ts";
import type { InclusionProof } from "./model.ts";
import { DIGEST_LENGTH, sha256 } from "./sha256.ts";
import { leafHash, leafHashInto, nodeHash, nodeHashInto } from "./tree-hash.ts";

const PAIR_LENGTH = 2 * DIGEST_LENGTH;

/** All levels kept, to hand out proofs. For the root alone, `entriesRoot` keeps less. */
export class EntriesTree {
  /** From the leaves up, the root left out: the nodes of a level, one after the other. */
  readonly #levels: readonly Uint8Array[];
  readonly #width: number;
  readonly root: Uint8Array;

  /** `digests` in entry order. */
  constructor(digests: readonly Uint8Array[]) {
    const levels: Uint8Array[] = [];
    let level = leaves(digests);
    for (; level.length > DIGEST_LENGTH; level = parents(level)) levels.push(level);
    this.#width = digests.length;
    this.#levels = levels;
    this.root = rootOf(level);
  }

  /** Audit path of the entry at `leaf` (from 0): siblings bottom-up, none where a node moved up alone. */
  inclusionProof(leaf: number): InclusionProof {
    assert(Number.isInteger(leaf) && leaf >= 0 && leaf < this.#width, "a leaf lies inside its tree");
    const terms: Uint8Array[] = [];
    let at = leaf;
    for (const level of this.#levels) {
      const sibling = (at % 2 === 0 ? at + 1 : at - 1) * DIGEST_LENGTH;
      if (sibling < level.length) terms.push(level.subarray(sibling, sibling + DIGEST_LENGTH));
      at = Math.floor(at / 2);
    }
    return { leaf, width: this.#width, terms };
  }

  /** Hash of the leaf of this entry, from 0. */
  leaf(at: number): Uint8Array | undefined {
    if (at < 0 || at >= this.#width) return undefined;
    return this.#levels[0]?.subarray(at * DIGEST_LENGTH, (at + 1) * DIGEST_LENGTH) ?? this.root;
  }

  /** Nodes of the levels from `lowest` up, without the root. */
  upperNodes(lowest: number): Uint8Array[] {
    return this.#levels.slice(lowest).flatMap(digestsIn);
  }
}

/** How many upper nodes a tree of `width` leaves has from level `lowest` up. */
export function upperNodeCount(width: number, lowest: number): number {
  let count = 0;
  for (let nodes = Math.ceil(width / 2 ** lowest); nodes > 1; nodes = Math.ceil(nodes / 2)) count += nodes;
  return count;
}

/**
 * Audit path of the entry at `leaf` of `width`, and the root that it leads to, which the caller must compare. `group`: tree over
 * the aligned 2^lowest entries that hold it, or over as many as there are. `upperNode`: by its place in the list.
 */
export function proveInGroup(
  leaf: number,
  width: number,
  lowest: number,
  group: EntriesTree,
  upperNode: (place: number) => Uint8Array,
): { readonly proof: InclusionProof; readonly root: Uint8Array } {
  const terms = [...group.inclusionProof(leaf % 2 ** lowest).terms];
  let hash = group.root;
  let at = Math.floor(leaf / 2 ** lowest);
  let from = 0;
  for (let nodes = Math.ceil(width / 2 ** lowest); nodes > 1; nodes = Math.ceil(nodes / 2)) {
    const sibling = at % 2 === 0 ? at + 1 : at - 1;
    if (sibling < nodes) {
      const term = upperNode(from + sibling);
      hash = sibling > at ? nodeHash(hash, term) : nodeHash(term, hash);
      terms.push(term);
    }
    from += nodes;
    at = Math.floor(at / 2);
  }
  return { proof: { leaf, width, terms }, root: hash };
}

/** Root of the tree over `digests`, in entry order. */
export function entriesRoot(digests: readonly Uint8Array[]): Uint8Array {
  let level = leaves(digests);
  while (level.length > DIGEST_LENGTH) level = parents(level);
  return rootOf(level);
}

/**
 * Proves that `digest` is entry `proof.leaf` of the transaction whose header says `root` and `nentries`, and returns that
 * position. Every number in the proof is hostile: without the first check a proof of one position passes for another.
 * Throws `entries_inclusion`.
 */
export function verifyEntryInclusion(
  proof: InclusionProof,
  digest: Uint8Array,
  root: Uint8Array,
  nentries: number,
): number {
  const { leaf, width, terms } = proof;
  const positionHolds = width === nentries && Number.isInteger(leaf) && leaf >= 0 && leaf < width;
  check(positionHolds, "entries_inclusion", "the proof is about another position", { leaf, width, nentries });
  let hash = leafHash(digest);
  let at = leaf;
  let last = width - 1;
  for (const term of terms) {
    hash = at % 2 === 0 && at !== last ? nodeHash(hash, term) : nodeHash(term, hash);
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  check(at === last && equalBytes(hash, root), "entries_inclusion", "the entry is not part of the transaction");
  return leaf;
}

function leaves(digests: readonly Uint8Array[]): Uint8Array {
  const level = new Uint8Array(digests.length * DIGEST_LENGTH);
  for (let i = 0; i < digests.length; i++) leafHashInto(digests[i] as Uint8Array, level, i * DIGEST_LENGTH);
  return level;
}

function parents(level: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(level.length / PAIR_LENGTH) * DIGEST_LENGTH);
  let to = 0;
  let from = 0;
  for (; from + PAIR_LENGTH <= level.length; from += PAIR_LENGTH, to += DIGEST_LENGTH)
    nodeHashInto(level.subarray(from, from + PAIR_LENGTH), out, to);
  if (from < level.length) out.set(level.subarray(from), to);
  return out;
}

/** An array of its own: the last level is a node, or nothing at all. */
function rootOf(level: Uint8Array): Uint8Array {
  return level.length === 0 ? sha256(EMPTY) : level;
}

function digestsIn(level: Uint8Array): Uint8Array[] {
  const digests: Uint8Array[] = [];
  for (let at = 0; at < level.length; at += DIGEST_LENGTH) digests.push(level.subarray(at, at + DIGEST_LENGTH));
  return digests;
}
