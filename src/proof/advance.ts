// Asking for the linear advance proof that servers before 1.4.1 leave out (wire spec §14.7). Their other answers contain the
// parts: the inclusion proof of each transaction on the stretch, and the linear proof along it. Nothing of it is taken on
// trust, because verifyLinearAdvanceProof checks the assembled proof as if it had come with the answer.

import { ADVANCE_PROOF_TXS_MAX } from "../base/limits.ts";
import { advanceStretch } from "./dual.ts";
import { ProofError } from "./errors.ts";
import { needsAdvanceProof } from "./linear.ts";
import type { DualProof, LinearAdvanceProof } from "./model.ts";

/** Asks the server for the dual proof between transactions `proveSinceTx` and `tx`; its entries are not wanted. */
export type FetchDualProof = (tx: bigint, proveSinceTx: bigint) => Promise<DualProof>;

/**
 * The proof with its linear advance part, asked for if it is needed and missing. The source header must have been checked:
 * it decides how many questions are asked. Throws `linear_advance_proof` when they would be too many.
 */
export async function completeAdvanceProof(proof: DualProof, fetch: FetchDualProof): Promise<DualProof> {
  const { sourceTxHeader: source, targetTxHeader: target, linearAdvanceProof } = proof;
  const { start, end } = advanceStretch(source, target);
  if (linearAdvanceProof !== undefined || !needsAdvanceProof(start, end)) return proof;
  if (end - start > BigInt(ADVANCE_PROOF_TXS_MAX)) {
    const data = { start, end, limit: ADVANCE_PROOF_TXS_MAX };
    throw new ProofError(
      "linear_advance_proof",
      "the linear advance proof is missing, and too long to be asked for",
      data,
    );
  }
  return { ...proof, linearAdvanceProof: await fetchAdvanceProof(start, end, target.id, fetch) };
}

async function fetchAdvanceProof(
  start: bigint,
  end: bigint,
  target: bigint,
  fetch: FetchDualProof,
): Promise<LinearAdvanceProof> {
  const inclusionProofs: (readonly Uint8Array[])[] = [];
  for (let txId = start + 1n; txId < end; txId++) {
    inclusionProofs.push((await fetch(target, txId)).inclusionProof);
  }
  const along = await fetch(end, start + 1n);
  return { linearProofTerms: along.linearProof?.terms ?? [], inclusionProofs };
}
