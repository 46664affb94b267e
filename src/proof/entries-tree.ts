// The tree over the entries of one transaction (wire spec §6). Its root, eh, stands in the transaction header.
//
//            N(N(a,b),c)        Each level pairs neighbours; an odd last node moves up unchanged. The shape is RFC 6962's,
//            /        \         with the entry digest hashed once more as the leaf: a = L(digest 0).
//        N(a,b)        c
//        /    \        |        No entries: the root is H("").
//       a      b       c

import { assert } from "../base/assert.ts";
import { EMPTY, equalBytes } from "../base/bytes.ts";
import { check } from "./errors.ts";
import type { InclusionProof } from "./model.ts";
import { sha256 } from "./sha256.ts";
import { leafHash, nodeHash } from "./tree-hash.ts";

/** All levels kept, to hand out proofs. For the root alone, `entriesRoot` keeps less. */
export class EntriesTree {
  readonly #levels: Uint8Array[][];
  readonly #width: number;
  readonly root: Uint8Array;

  /** `digests` in entry order. */
  constructor(digests: readonly Uint8Array[]) {
    let level = digests.map(leafHash);
    this.#width = level.length;
    this.#levels = [level];
    while (level.length > 1) {
      level = parents(level);
      this.#levels.push(level);
    }
    this.root = level[0] ?? sha256(EMPTY);
  }

  /** Audit path of the entry at `leaf` (from 0): siblings bottom-up, none where a node moved up alone. */
  inclusionProof(leaf: number): InclusionProof {
    assert(Number.isInteger(leaf) && leaf >= 0 && leaf < this.#width, "a leaf lies inside its tree");
    const terms: Uint8Array[] = [];
    let at = leaf;
    for (const level of this.#levels) {
      const sibling = level[at % 2 === 0 ? at + 1 : at - 1];
      if (sibling !== undefined) terms.push(sibling);
      at = Math.floor(at / 2);
    }
    return { leaf, width: this.#width, terms };
  }
}

/** Root of the tree over `digests`, in entry order. */
export function entriesRoot(digests: readonly Uint8Array[]): Uint8Array {
  let level = digests.map(leafHash);
  while (level.length > 1) level = parents(level);
  return level[0] ?? sha256(EMPTY);
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

function parents(level: readonly Uint8Array[]): Uint8Array[] {
  const out = new Array<Uint8Array>(Math.ceil(level.length / 2));
  for (let i = 0; i < out.length; i++) {
    const left = level[2 * i] as Uint8Array;
    const right = level[2 * i + 1];
    out[i] = right === undefined ? left : nodeHash(left, right);
  }
  return out;
}
