// The shorter dual proof (wire spec §9.4), for databases in which every header commits to the tree just before it. Then the
// linear chain adds nothing: S is a leaf of T's tree, and S's own tree is its beginning.

import { assert } from "../base/assert.ts";
import { checkHeaders, checkUnused, type ProvenHeaders } from "./dual.ts";
import { check } from "./errors.ts";
import {
  historyConsistency,
  historyInclusion,
  leafHash,
  type NodeReader,
  verifyConsistency,
  verifyInclusion,
} from "./history-tree.ts";
import type { DualProofV2, TxHeader } from "./model.ts";

/** Builds the proof that `source` is part of the history of `target`, source.id <= target.id, both with blTxId = id − 1. */
export function buildDualProofV2(source: TxHeader, target: TxHeader, node: NodeReader): DualProofV2 {
  const s = Number(source.id);
  const t = Number(target.id);
  assert(s > 0 && s <= t, "a dual proof leads to a later transaction");
  assert(linksToPrevious(source) && linksToPrevious(target), "both headers commit to the tree just before them");
  return {
    sourceTxHeader: source,
    targetTxHeader: target,
    inclusionProof: s < t ? historyInclusion(s, t - 1, node) : [],
    consistencyProof: s < t ? historyConsistency(Math.max(1, s - 1), t - 1, node) : [],
  };
}

/**
 * Proves that transaction `s` with `sAlh` is part of the history of transaction `t` with `tAlh`, and returns the two headers.
 * Throws a `ProofError` naming the check that failed.
 */
export function verifyDualProofV2(
  proof: DualProofV2,
  s: bigint,
  t: bigint,
  sAlh: Uint8Array,
  tAlh: Uint8Array,
): ProvenHeaders {
  const { sourceTxHeader: source, targetTxHeader: target, inclusionProof, consistencyProof } = proof;
  checkHeaders(source, target, s, t, sAlh, tAlh);
  const linked = linksToPrevious(source) && linksToPrevious(target);
  check(linked, "binary_linking", "the headers do not commit to the trees just before them", { source: s, target: t });
  if (s === t) {
    checkUnused(false, inclusionProof.length, "inclusionProof");
    checkUnused(false, consistencyProof.length, "consistencyProof");
    return { source, target };
  }
  verifyInclusion(inclusionProof, s, t - 1n, leafHash(sAlh), target.blRoot);
  // Transaction 1 commits to no tree; the tree of size 1 consists of its own leaf.
  const olderSize = s === 1n ? 1n : s - 1n;
  const olderRoot = s === 1n ? leafHash(sAlh) : source.blRoot;
  verifyConsistency(consistencyProof, olderSize, t - 1n, olderRoot, target.blRoot);
  return { source, target };
}

function linksToPrevious(header: TxHeader): boolean {
  return header.blTxId === header.id - 1n;
}
