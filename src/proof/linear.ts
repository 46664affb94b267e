// The linear chain between two transactions (wire spec §9.1, §9.2): each alh is a hash over the one before it.
//
//   alh(n) = H( n | alh(n−1) | innerHash(n) )
//
// A linear proof starts from the alh of its source and carries the inner hashes up to its target. The advance proof does more:
// it shows that every transaction on an old linear stretch is also a leaf of the newer history tree. Without it a server could
// show two histories that differ only inside that stretch (CVE-2022-36111).

import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { check, ProofError } from "./errors.ts";
import { historyInclusion, leafHash, type NodeReader, verifyInclusion } from "./history-tree.ts";
import type { LinearAdvanceProof, LinearProof, TxHeader } from "./model.ts";
import { advance, innerHash } from "./tx-header.ts";

/** What proofs between transactions are built from. */
export interface LogReader {
  readonly header: (txId: bigint) => TxHeader;
  readonly alh: (txId: bigint) => Uint8Array;
  readonly node: NodeReader;
}

/** From transaction `source` to `target`, 1 <= source <= target: the alh of the source, then the inner hashes after it. */
export function buildLinearProof(source: bigint, target: bigint, log: LogReader): LinearProof {
  assert(source > 0n && source <= target, "a linear proof leads to a later transaction");
  return { sourceTxId: source, targetTxId: target, terms: chain(source, target, log) };
}

/**
 * Proves that the transaction `target` with `targetAlh` follows `source` with `sourceAlh` in the linear chain, and returns
 * `targetAlh`. Throws `linear_proof`.
 */
export function verifyLinearProof(
  proof: LinearProof | undefined,
  source: bigint,
  target: bigint,
  sourceAlh: Uint8Array,
  targetAlh: Uint8Array,
): Uint8Array {
  if (proof === undefined) throw new ProofError("linear_proof", "the linear proof is missing", { source, target });
  const [start, ...inner] = proof.terms;
  const aboutThese = proof.sourceTxId === source && proof.targetTxId === target && source > 0n && source <= target;
  check(aboutThese, "linear_proof", "the linear proof is about other transactions", { source, target });
  check(BigInt(inner.length) === target - source, "linear_proof", "the linear proof has the wrong length", {
    source,
    target,
  });
  check(start !== undefined && equalBytes(start, sourceAlh), "linear_proof", "the linear proof starts elsewhere", {
    source,
  });
  const end = inner.reduce((alh, term, k) => advance(alh, source + 1n + BigInt(k), term), start);
  check(equalBytes(end, targetAlh), "linear_proof", "the linear proof ends elsewhere", { source, target });
  return targetAlh;
}

/** Whether transactions lie strictly between `start` and `end`, so that an advance proof must tie them to the tree. */
export function needsAdvanceProof(start: bigint, end: bigint): boolean {
  return end > start + 1n;
}

/** Ties the transactions strictly between `start` and `end` to the tree of `treeSize`; undefined when there are none. */
export function buildLinearAdvanceProof(
  start: bigint,
  end: bigint,
  treeSize: bigint,
  log: LogReader,
): LinearAdvanceProof | undefined {
  if (!needsAdvanceProof(start, end)) return undefined;
  const inclusionProofs: Uint8Array[][] = [];
  for (let txId = start + 1n; txId < end; txId++) {
    inclusionProofs.push(historyInclusion(Number(txId), Number(treeSize), log.node));
  }
  return { linearProofTerms: chain(start + 1n, end, log), inclusionProofs };
}

/**
 * Proves that the transactions strictly between `start` and `end`, which chain up to `endAlh`, are leaves of the tree of
 * `treeSize` with `treeRoot`, and returns `endAlh`. Where there are none, the proof is not looked at.
 * Throws `linear_advance_proof`, and `history_inclusion` for a leaf that is not in the tree.
 */
export function verifyLinearAdvanceProof(
  proof: LinearAdvanceProof | undefined,
  start: bigint,
  end: bigint,
  endAlh: Uint8Array,
  treeRoot: Uint8Array,
  treeSize: bigint,
): Uint8Array {
  check(end >= start, "linear_advance_proof", "the linear stretch ends before it starts", { start, end });
  if (!needsAdvanceProof(start, end)) return endAlh;
  if (proof === undefined) {
    throw new ProofError("linear_advance_proof", "the linear advance proof is missing", { start, end });
  }
  const [first, ...inner] = proof.linearProofTerms;
  const lengthHolds =
    BigInt(inner.length) === end - start - 1n && BigInt(proof.inclusionProofs.length) === end - start - 1n;
  check(first !== undefined && lengthHolds, "linear_advance_proof", "the linear advance proof has the wrong length", {
    start,
    end,
  });
  let alh = first;
  proof.inclusionProofs.forEach((terms, k) => {
    const txId = start + 1n + BigInt(k);
    verifyInclusion(terms, txId, treeSize, leafHash(alh), treeRoot);
    alh = advance(alh, txId + 1n, inner[k] as Uint8Array);
  });
  check(equalBytes(alh, endAlh), "linear_advance_proof", "the linear stretch ends elsewhere", { start, end });
  return endAlh;
}

/** The alh of `source`, then the inner hashes of source+1 … target. */
function chain(source: bigint, target: bigint, log: LogReader): Uint8Array[] {
  const terms = [log.alh(source)];
  for (let txId = source + 1n; txId <= target; txId++) terms.push(innerHash(log.header(txId)));
  return terms;
}
