// The dual proof (wire spec §9.3): source transaction S is part of the history of target transaction T.
//
//   1 ─── 2 ─── … ─── S ─── … ─── T.bl ─── … ─── T        linear chain: each alh hashes the one before
//   └────────── history tree of T.bl leaves ──┘           its root stands in T's header
//
//   S < T.bl:  S is a leaf of T's tree (inclusion); T.bl is its last leaf (last inclusion); T follows T.bl (linear).
//   S >= T.bl: T follows S (linear).
//   Always: the tree that S committed to is the beginning of T's tree (consistency), and whatever S's linear stretch held
//   beyond its own tree is in T's tree as well (linear advance).
//
// A regular database has bl = id − 1; lagging values come only from very old servers.

import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { check } from "./errors.ts";
import {
  historyConsistency,
  historyInclusion,
  leafHash,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from "./history-tree.ts";
import {
  buildLinearAdvanceProof,
  buildLinearProof,
  type LogReader,
  needsAdvanceProof,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from "./linear.ts";
import type { DualProof, LinearAdvanceProof, TxHeader } from "./model.ts";
import { alh, ZERO_DIGEST } from "./tx-header.ts";

export type { LogReader } from "./linear.ts";

/** Headers that a dual proof has shown to be what two hashes stand for, the one in the history of the other. */
export interface ProvenHeaders {
  readonly source: TxHeader;
  readonly target: TxHeader;
}

/** Builds the proof that `source` is part of the history of `target`, source.id <= target.id. */
export function buildDualProof(source: TxHeader, target: TxHeader, log: LogReader): DualProof {
  const s = source.id;
  const treeSize = target.blTxId;
  assert(s > 0n && s <= target.id && source.blTxId <= treeSize, "a dual proof leads to a later transaction");
  const inTree = s < treeSize;
  const size = Number(treeSize);
  return {
    sourceTxHeader: source,
    targetTxHeader: target,
    inclusionProof: inTree ? historyInclusion(Number(s), size, log.node) : [],
    consistencyProof: source.blTxId > 0n ? historyConsistency(Number(source.blTxId), size, log.node) : [],
    targetBlTxAlh: treeSize > 0n ? log.alh(treeSize) : ZERO_DIGEST,
    lastInclusionProof: treeSize > 0n ? historyInclusion(size, size, log.node) : [],
    linearProof: buildLinearProof(inTree ? treeSize : s, target.id, log),
    linearAdvanceProof: buildLinearAdvanceProof(source.blTxId, inTree ? s : treeSize, treeSize, log),
  };
}

/**
 * Proves that transaction `s` with `sAlh` is part of the history of transaction `t` with `tAlh`, and returns the two headers.
 * Throws a `ProofError` naming the check that failed.
 */
export function verifyDualProof(
  proof: DualProof,
  s: bigint,
  t: bigint,
  sAlh: Uint8Array,
  tAlh: Uint8Array,
): ProvenHeaders {
  const source = proof.sourceTxHeader;
  const target = proof.targetTxHeader;
  checkHeaders(source, target, s, t, sAlh, tAlh);
  checkUnusedParts(proof);
  verifySourceInTree(proof, sAlh);
  verifyTrees(proof);
  verifyLastLeaf(proof);
  verifyChain(proof, sAlh, tAlh);
  verifyStretch(proof, sAlh);
  return { source, target };
}

/** The stretch of S's linear chain that lies between S's own tree and T's tree (or S itself). */
export function advanceStretch(source: TxHeader, target: TxHeader): { readonly start: bigint; readonly end: bigint } {
  const inTree = source.id < target.blTxId;
  return { start: source.blTxId, end: inTree ? source.id : target.blTxId };
}

/** The two headers carry the expected ids and hash to the expected alh. Shared by both versions of the dual proof. */
export function checkHeaders(
  source: TxHeader,
  target: TxHeader,
  s: bigint,
  t: bigint,
  sAlh: Uint8Array,
  tAlh: Uint8Array,
): void {
  const idsHold = source.id === s && target.id === t && s > 0n && s <= t;
  check(idsHold, "dual_proof_tx_ids", "the dual proof is about other transactions", { source: s, target: t });
  check(equalBytes(alh(source), sAlh), "source_alh", "the source header does not have the expected hash", { txId: s });
  check(equalBytes(alh(target), tAlh), "target_alh", "the target header does not have the expected hash", { txId: t });
}

/** What no check looks at must say nothing: else a changed bit there would go unnoticed. */
function checkUnusedParts(proof: DualProof): void {
  const source = proof.sourceTxHeader;
  const target = proof.targetTxHeader;
  const { start, end } = advanceStretch(source, target);
  checkUnused(source.id < target.blTxId, proof.inclusionProof.length, "inclusionProof");
  checkUnused(source.blTxId > 0n, proof.consistencyProof.length, "consistencyProof");
  checkUnused(target.blTxId > 0n, proof.lastInclusionProof.length, "lastInclusionProof");
  checkUnused(target.blTxId > 0n, equalBytes(proof.targetBlTxAlh, ZERO_DIGEST) ? 0 : 1, "targetBlTxAlh");
  checkUnused(needsAdvanceProof(start, end), advanceTerms(proof.linearAdvanceProof), "linearAdvanceProof");
}

/** Refuses content in a part that no check uses. Throws `unused_part`. */
export function checkUnused(used: boolean, contentCount: number, part: string): void {
  check(used || contentCount === 0, "unused_part", `${part} must be empty here`, { part });
}

function advanceTerms(proof: LinearAdvanceProof | undefined): number {
  return proof === undefined ? 0 : proof.linearProofTerms.length + proof.inclusionProofs.length;
}

/** S is a leaf of T's tree, when it is old enough to be. */
function verifySourceInTree(proof: DualProof, sAlh: Uint8Array): void {
  const { sourceTxHeader: source, targetTxHeader: target } = proof;
  if (source.id >= target.blTxId) return;
  verifyInclusion(proof.inclusionProof, source.id, target.blTxId, leafHash(sAlh), target.blRoot);
}

/** S's tree is the beginning of T's tree. */
function verifyTrees(proof: DualProof): void {
  const { sourceTxHeader: source, targetTxHeader: target } = proof;
  if (source.blTxId === 0n) return;
  verifyConsistency(proof.consistencyProof, source.blTxId, target.blTxId, source.blRoot, target.blRoot);
}

/** targetBlTxAlh is the last leaf of T's tree. */
function verifyLastLeaf(proof: DualProof): void {
  const target = proof.targetTxHeader;
  if (target.blTxId === 0n) return;
  verifyLastInclusion(proof.lastInclusionProof, target.blTxId, leafHash(proof.targetBlTxAlh), target.blRoot);
}

/** T follows, in the linear chain, the last leaf of its tree or S, whichever is later. */
function verifyChain(proof: DualProof, sAlh: Uint8Array, tAlh: Uint8Array): void {
  const { sourceTxHeader: source, targetTxHeader: target, linearProof, targetBlTxAlh } = proof;
  if (source.id < target.blTxId) {
    verifyLinearProof(linearProof, target.blTxId, target.id, targetBlTxAlh, tAlh);
    return;
  }
  const same = source.id !== target.blTxId || equalBytes(targetBlTxAlh, sAlh);
  check(same, "source_alh", "the source is not the last leaf of the target's tree", { txId: source.id });
  verifyLinearProof(linearProof, source.id, target.id, sAlh, tAlh);
}

/** The linear stretch between S's tree and T's tree is in T's tree. */
function verifyStretch(proof: DualProof, sAlh: Uint8Array): void {
  const { sourceTxHeader: source, targetTxHeader: target, linearAdvanceProof } = proof;
  const { start, end } = advanceStretch(source, target);
  const endAlh = source.id < target.blTxId ? sAlh : proof.targetBlTxAlh;
  verifyLinearAdvanceProof(linearAdvanceProof, start, end, endAlh, target.blRoot, target.blTxId);
}
