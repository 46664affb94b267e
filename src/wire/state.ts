// The state of a database and its signature.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ImmutableStateSchema,
  Signature as WireSignature,
  ImmutableState as WireState,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { Signature, State } from "../proof/model.ts";
import { checkKnown, digestFromWire } from "./parts.ts";

/** Newest transaction that is written but maybe not committed; not covered by the signature. */
export interface Precommitted {
  readonly txId: bigint;
  readonly txHash: Uint8Array;
}

export function signatureFromWire(wire: WireSignature | undefined): Signature | undefined {
  if (wire === undefined) return undefined;
  checkKnown(wire, "signature");
  return { publicKey: wire.publicKey, signature: wire.signature };
}

export function stateToWire(state: State, precommitted?: Precommitted): MessageInitShape<typeof ImmutableStateSchema> {
  const { db, txId, txHash, signature } = state;
  if (precommitted === undefined) return { db, txId, txHash, signature };
  return { db, txId, txHash, signature, precommittedTxId: precommitted.txId, precommittedTxHash: precommitted.txHash };
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
