// The state of a database and its signature.

import { create } from "@bufbuild/protobuf";
import {
  ImmutableStateSchema,
  SignatureSchema,
  type Signature as WireSignature,
  type ImmutableState as WireState,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { Signature, State } from "../proof/model.ts";
import { checkKnown, digestFromWire } from "./parts.ts";

/** Newest transaction that is written but maybe not committed; not covered by the signature. */
export interface Precommitted {
  readonly txId: bigint;
  readonly txHash: Uint8Array;
}

export function signatureToWire(signature: Signature): WireSignature {
  return create(SignatureSchema, { publicKey: signature.publicKey, signature: signature.signature });
}

export function signatureFromWire(wire: WireSignature | undefined): Signature | undefined {
  if (wire === undefined) return undefined;
  checkKnown(wire, "signature");
  return { publicKey: wire.publicKey, signature: wire.signature };
}

export function stateToWire(state: State, precommitted?: Precommitted): WireState {
  const wire = create(ImmutableStateSchema, { db: state.db, txId: state.txId, txHash: state.txHash });
  if (state.signature !== undefined) wire.signature = signatureToWire(state.signature);
  if (precommitted !== undefined) {
    wire.precommittedTxId = precommitted.txId;
    wire.precommittedTxHash = precommitted.txHash;
  }
  return wire;
}

/** What was precommitted is left out: no client may rely on it. */
export function stateFromWire(wire: WireState): State {
  checkKnown(wire, "state");
  return {
    db: wire.db,
    txId: wire.txId,
    txHash: digestFromWire(wire.txHash, "state.txHash"),
    signature: signatureFromWire(wire.signature),
  };
}
