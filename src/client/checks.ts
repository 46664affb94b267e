// Which checks a verified call consists of, by name and in the order in which they are made, so that a program can show them.
// A call returns only when all of them have passed. The name
// is the one by which an answer is refused that does not pass.

import { advanceStretch } from "../proof/dual.ts";
import { needsAdvanceProof } from "../proof/linear.ts";
import type { DualProof } from "../proof/model.ts";
import type { CheckName } from "./errors.ts";

/** Name of a check that has passed; `signature` stands for all that can be wrong with one. */
export type PassedCheck = CheckName | "signature";

/** What each operation checks about the transaction itself. */
export const OPERATION_CHECKS: Readonly<Record<"set" | "get" | "tx", readonly PassedCheck[]>> = {
  set: ["tx_not_new", "entry_count", "entries_root", "entry_missing", "entry_digest", "tx_header"],
  get: ["entry_tx", "tx_header", "entries_inclusion"],
  tx: ["tx_id", "entry_count", "entries_root", "tx_header"],
};

/** The checks between the trusted state and the transaction, as far as this proof needs them, and of the signature. */
export function historyChecks(proof: DualProof, signed: boolean): PassedCheck[] {
  const { sourceTxHeader: source, targetTxHeader: target } = proof;
  const { start, end } = advanceStretch(source, target);
  const made: readonly (readonly [PassedCheck, boolean])[] = [
    ["dual_proof_tx_ids", true],
    ["source_alh", true],
    ["target_alh", true],
    ["unused_part", true],
    ["history_inclusion", source.id < target.blTxId],
    ["history_consistency", source.blTxId > 0n],
    ["history_last_inclusion", target.blTxId > 0n],
    ["linear_proof", true],
    ["linear_advance_proof", needsAdvanceProof(start, end)],
    ["signature", signed],
  ];
  return made.filter(([, needed]) => needed).map(([name]) => name);
}
