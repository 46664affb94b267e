// Proofs. From outside every part is optional; a proof that lacks one that every honest proof has is refused here, and a
// missing linear or advance proof is left for the verifier to judge, since it may be unneeded.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  DualProofSchema,
  DualProofV2Schema,
  InclusionProofSchema,
  LinearAdvanceProofSchema,
  LinearProofSchema,
  DualProof as WireDualProof,
  DualProofV2 as WireDualProofV2,
  InclusionProof as WireInclusionProof,
  LinearAdvanceProof as WireLinearAdvanceProof,
  LinearProof as WireLinearProof,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { DualProof, DualProofV2, InclusionProof, LinearAdvanceProof, LinearProof } from "../proof/model.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import { checkKnown, digestFromWire, required, termsFromWire } from "./parts.ts";
import { txHeaderFromWire, txHeaderToWire } from "./tx-header.ts";

/** Which of the two headers were read with their transactions; see tx-header.ts. */
export interface DualProofToWireOptions {
  readonly emptySourceMetadata: boolean;
  readonly emptyTargetMetadata: boolean;
}

export function inclusionProofToWire(proof: InclusionProof): MessageInitShape<typeof InclusionProofSchema> {
  return { leaf: proof.leaf, width: proof.width, terms: listed(proof.terms) };
}

/** Whoever encodes a message only reads its lists, which its type does not say. */
function listed<T>(terms: readonly T[]): T[] {
  return terms as T[];
}

export function inclusionProofFromWire(message: WireInclusionProof | undefined): InclusionProof {
  const wire = required(message, "inclusionProof");
  checkKnown(wire, "inclusionProof");
  return { leaf: wire.leaf, width: wire.width, terms: termsFromWire(wire.terms, "inclusionProof.terms") };
}

export function linearProofToWire(proof: LinearProof): MessageInitShape<typeof LinearProofSchema> {
  const { sourceTxId, targetTxId, terms } = proof;
  return { sourceTxId, TargetTxId: targetTxId, terms: listed(terms) };
}

export function linearProofFromWire(wire: WireLinearProof): LinearProof {
  checkKnown(wire, "linearProof");
  const terms = termsFromWire(wire.terms, "linearProof.terms");
  return { sourceTxId: wire.sourceTxId, targetTxId: wire.TargetTxId, terms };
}

export function linearAdvanceProofToWire(proof: LinearAdvanceProof): MessageInitShape<typeof LinearAdvanceProofSchema> {
  return {
    linearProofTerms: listed(proof.linearProofTerms),
    // Leaf and width are left at 0: the position follows from the place in the list.
    inclusionProofs: proof.inclusionProofs.map((terms) => ({ terms: listed(terms) })),
  };
}

export function linearAdvanceProofFromWire(wire: WireLinearAdvanceProof): LinearAdvanceProof {
  checkKnown(wire, "linearAdvanceProof");
  return {
    linearProofTerms: termsFromWire(wire.linearProofTerms, "linearAdvanceProof.linearProofTerms"),
    inclusionProofs: wire.inclusionProofs.map((proof) => inclusionProofFromWire(proof).terms),
  };
}

export function dualProofToWire(
  proof: DualProof,
  options: DualProofToWireOptions,
): MessageInitShape<typeof DualProofSchema> {
  const { linearProof, linearAdvanceProof } = proof;
  return {
    sourceTxHeader: txHeaderToWire(proof.sourceTxHeader, { emptyMetadata: options.emptySourceMetadata }),
    targetTxHeader: txHeaderToWire(proof.targetTxHeader, { emptyMetadata: options.emptyTargetMetadata }),
    inclusionProof: listed(proof.inclusionProof),
    consistencyProof: listed(proof.consistencyProof),
    targetBlTxAlh: proof.targetBlTxAlh,
    lastInclusionProof: listed(proof.lastInclusionProof),
    linearProof: linearProof === undefined ? undefined : linearProofToWire(linearProof),
    LinearAdvanceProof: linearAdvanceProof === undefined ? undefined : linearAdvanceProofToWire(linearAdvanceProof),
  };
}

export function dualProofFromWire(message: WireDualProof | undefined): DualProof {
  const wire = required(message, "dualProof");
  checkKnown(wire, "dualProof");
  const targetTxHeader = txHeaderFromWire(wire.targetTxHeader, "dualProof.targetTxHeader");
  // Where the target commits to no history there is no last leaf to name, and the field may be left out.
  const noLastLeaf = targetTxHeader.blTxId === 0n && wire.targetBlTxAlh.length === 0;
  return {
    sourceTxHeader: txHeaderFromWire(wire.sourceTxHeader, "dualProof.sourceTxHeader"),
    targetTxHeader,
    inclusionProof: termsFromWire(wire.inclusionProof, "dualProof.inclusionProof"),
    consistencyProof: termsFromWire(wire.consistencyProof, "dualProof.consistencyProof"),
    targetBlTxAlh: noLastLeaf ? ZERO_DIGEST : digestFromWire(wire.targetBlTxAlh, "dualProof.targetBlTxAlh"),
    lastInclusionProof: termsFromWire(wire.lastInclusionProof, "dualProof.lastInclusionProof"),
    linearProof: wire.linearProof === undefined ? undefined : linearProofFromWire(wire.linearProof),
    linearAdvanceProof:
      wire.LinearAdvanceProof === undefined ? undefined : linearAdvanceProofFromWire(wire.LinearAdvanceProof),
  };
}

export function dualProofV2ToWire(
  proof: DualProofV2,
  options: DualProofToWireOptions,
): MessageInitShape<typeof DualProofV2Schema> {
  return {
    sourceTxHeader: txHeaderToWire(proof.sourceTxHeader, { emptyMetadata: options.emptySourceMetadata }),
    targetTxHeader: txHeaderToWire(proof.targetTxHeader, { emptyMetadata: options.emptyTargetMetadata }),
    inclusionProof: listed(proof.inclusionProof),
    consistencyProof: listed(proof.consistencyProof),
  };
}

export function dualProofV2FromWire(message: WireDualProofV2 | undefined): DualProofV2 {
  const wire = required(message, "dualProof");
  checkKnown(wire, "dualProof");
  return {
    sourceTxHeader: txHeaderFromWire(wire.sourceTxHeader, "dualProof.sourceTxHeader"),
    targetTxHeader: txHeaderFromWire(wire.targetTxHeader, "dualProof.targetTxHeader"),
    inclusionProof: termsFromWire(wire.inclusionProof, "dualProof.inclusionProof"),
    consistencyProof: termsFromWire(wire.consistencyProof, "dualProof.consistencyProof"),
  };
}
