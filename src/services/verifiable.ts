// Answers that prove themselves, and the state that proofs start from. With a signing key both carry a signature over the
// state that they lead to.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Signature, State, VerifiableTx } from "../proof/model.ts";
import { alh } from "../proof/tx-header.ts";
import { stateToWire } from "../wire/state.ts";
import { verifiableEntryToWire, verifiableTxToWire } from "../wire/verifiable.ts";
import { type CallContext, databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import {
  verifiableGetFromWire,
  verifiableReferenceFromWire,
  verifiableSetFromWire,
  verifiableTxFromRequest,
  verifiableZAddFromWire,
} from "./requests.ts";

/** Signs a state; undefined when the server has no key. */
export type SignState = ((state: Omit<State, "signature">) => Signature) | undefined;

/** The answer with a signature over the state that it leads to, when the server has a key. */
export function signed<Answer extends VerifiableTx>(sign: SignState, answer: Answer, db: string): Answer {
  if (sign === undefined) return answer;
  const { targetTxHeader } = answer.dualProof;
  return { ...answer, signature: sign({ db, txId: targetTxHeader.id, txHash: alh(targetTxHeader) }) };
}

/** A proven transaction as it is answered. */
export function proven(
  sign: SignState,
  answer: VerifiableTx,
  db: string,
  proveSinceTx: bigint,
): ReturnType<typeof verifiableTxToWire> {
  return verifiableTxToWire(signed(sign, answer, db), proveSinceTx);
}

export function verifiableHandlers(sign: SignState): Handlers<typeof ImmuService> {
  const answered = (answer: VerifiableTx, ctx: CallContext, { proveSinceTx }: { readonly proveSinceTx: bigint }) =>
    proven(sign, answer, databaseOf(ctx).name, proveSinceTx);

  return {
    currentState: (_message, ctx) => {
      const database = databaseOf(ctx);
      const { txId, txHash, precommittedTxId, precommittedTxHash } = database.state();
      const state = { db: database.name, txId, txHash };
      return stateToWire(
        { ...state, signature: sign?.(state) },
        { txId: precommittedTxId, txHash: precommittedTxHash },
      );
    },
    verifiableSet: async (message, ctx) =>
      answered(await databaseOf(ctx).verifiableSet(verifiableSetFromWire(message)), ctx, message),
    verifiableSetReference: async (message, ctx) =>
      answered(await databaseOf(ctx).verifiableSetReference(verifiableReferenceFromWire(message)), ctx, message),
    verifiableZAdd: async (message, ctx) =>
      answered(await databaseOf(ctx).verifiableZAdd(verifiableZAddFromWire(message)), ctx, message),
    verifiableGet: (message, ctx) => {
      const database = databaseOf(ctx);
      const answer = database.verifiableGet(verifiableGetFromWire(message));
      const verifiableTx = signed(sign, answer.verifiableTx, database.name);
      return verifiableEntryToWire({ ...answer, verifiableTx }, message.proveSinceTx);
    },
    verifiableTxById: (message, ctx) =>
      answered(databaseOf(ctx).verifiableTxById(verifiableTxFromRequest(message)), ctx, message),
  };
}
