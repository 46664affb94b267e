// Answers that carry their proof: a transaction, or an entry inside one.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  VerifiableEntrySchema,
  VerifiableTxSchema,
  VerifiableEntry as WireVerifiableEntry,
  VerifiableTx as WireVerifiableTx,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { VerifiableEntry, VerifiableTx } from "../proof/model.ts";
import { entryFromWire, entryToWire } from "./entries.ts";
import { checkKnown, required } from "./parts.ts";
import { dualProofFromWire, dualProofToWire, inclusionProofFromWire, inclusionProofToWire } from "./proofs.ts";
import { signatureFromWire } from "./state.ts";
import { txFromWire, txToWire } from "./tx.ts";

/** `proveSinceTx` as requested: the header of that transaction was read alone, the other one with its transaction. */
export function verifiableTxToWire(
  answer: VerifiableTx,
  proveSinceTx: bigint,
): MessageInitShape<typeof VerifiableTxSchema> {
  const txId = answer.tx.header.id;
  return {
    tx: txToWire(answer.tx),
    dualProof: dualProofToWire(answer.dualProof, {
      emptySourceMetadata: proveSinceTx === 0n || proveSinceTx > txId,
      emptyTargetMetadata: proveSinceTx <= txId,
    }),
    signature: answer.signature,
  };
}

export function verifiableTxFromWire(message: WireVerifiableTx | undefined): VerifiableTx {
  const wire = required(message, "verifiableTx");
  checkKnown(wire, "verifiableTx");
  return {
    tx: txFromWire(wire.tx),
    dualProof: dualProofFromWire(wire.dualProof),
    signature: signatureFromWire(wire.signature),
  };
}

/** `proveSinceTx` as in `verifiableTxToWire`. */
export function verifiableEntryToWire(
  answer: VerifiableEntry,
  proveSinceTx: bigint,
): MessageInitShape<typeof VerifiableEntrySchema> {
  return {
    entry: entryToWire(answer.entry),
    verifiableTx: verifiableTxToWire(answer.verifiableTx, proveSinceTx),
    inclusionProof: inclusionProofToWire(answer.inclusionProof),
  };
}

export function verifiableEntryFromWire(message: WireVerifiableEntry): VerifiableEntry {
  checkKnown(message, "verifiableEntry");
  return {
    entry: entryFromWire(message.entry),
    verifiableTx: verifiableTxFromWire(message.verifiableTx),
    inclusionProof: inclusionProofFromWire(message.inclusionProof),
  };
}
