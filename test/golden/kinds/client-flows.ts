// Whole verified operations: a stored state, what was asked, the server's answer as bytes; then the new state or a rejection.

import { fromBinary } from "@bufbuild/protobuf";
import { VerifiableEntrySchema, VerifiableTxSchema } from "../../../gen/immudb/schema/proof_pb.ts";
import { VerifiableTxRequestSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { fromBase64, fromHex, toBase64, toHex, viewOf } from "../../../src/base/bytes.ts";
import type { State, VerifiableEntry, VerifiableTx } from "../../../src/proof/model.ts";
import { parsePublicKey } from "../../../src/proof/signed-state.ts";
import {
  type FetchDualProof,
  type Trusted,
  verifiedGet,
  verifiedReference,
  verifiedSet,
  verifiedTxById,
  verifiedZAdd,
} from "../../../src/proof/verify.ts";
import { encoderOf } from "../../../src/wire/codec/encoder.ts";
import {
  verifiableEntryFromWire,
  verifiableEntryToWire,
  verifiableTxFromWire,
  verifiableTxToWire,
} from "../../../src/wire/verifiable.ts";
import { type Answers, expectEqual, Mismatch, type VectorCase } from "../vector-file.ts";

interface StateJson {
  readonly txId: string;
  readonly txHash: string;
}

interface ExtraCall {
  readonly requestB64: string;
  readonly responseB64: string;
}

export interface ClientFlowCase extends VectorCase {
  readonly db: string;
  readonly publicKeyPem: string;
  readonly state: StateJson;
  readonly newState?: StateJson;
  readonly args: Readonly<Record<string, string>>;
  readonly responseB64: string;
  readonly extraCalls: readonly ExtraCall[];
}

export const clientFlowAnswers: Answers = {
  set: (vector) => runFlow(vector as ClientFlowCase),
  setReference: (vector) => runFlow(vector as ClientFlowCase),
  zadd: (vector) => runFlow(vector as ClientFlowCase),
  get: (vector) => runFlow(vector as ClientFlowCase),
  txById: (vector) => runFlow(vector as ClientFlowCase),
};

/** The operation with its answer: as in the case, or with bytes that somebody has changed. */
export function verifyFlow(flow: ClientFlowCase, response: Uint8Array): Promise<State> {
  const trusted = trustedOf(flow);
  const arg = (name: string): Uint8Array => fromHex(flow.args[name] as string);
  const id = (name: string): bigint => BigInt(flow.args[name] as string);
  switch (flow.op) {
    case "get":
      return verifiedGet(trusted, { key: arg("key"), atTx: id("atTx") }, readEntry(response));
    case "txById":
      return verifiedTxById(trusted, { tx: id("tx"), rawValues: false }, readTx(response));
    case "set":
      return verifiedSet(trusted, [{ key: arg("key"), value: arg("value") }], readTx(response));
    case "setReference": {
      const request = { key: arg("key"), referencedKey: arg("referencedKey"), atTx: id("atTx") };
      return verifiedReference(trusted, request, readTx(response));
    }
    default: {
      const score = viewOf(arg("scoreBits")).getFloat64(0);
      const request = { set: arg("set"), score, key: arg("key"), atTx: id("atTx") };
      return verifiedZAdd(trusted, request, readTx(response));
    }
  }
}

async function runFlow(flow: ClientFlowCase): Promise<void> {
  const response = fromBase64(flow.responseB64);
  const state = await verifyFlow(flow, response);
  expectEqual(state.db, flow.db, "db");
  expectEqual(state.txId.toString(), flow.newState?.txId, "new txId");
  expectEqual(toHex(state.txHash), flow.newState?.txHash, "new txHash");
  expectEqual(rewritten(flow, response), flow.responseB64, "the answer, read and written");
}

function rewritten(flow: ClientFlowCase, response: Uint8Array): string {
  const proveSinceTx = BigInt(flow.state.txId);
  if (flow.op === "get") {
    const message = verifiableEntryToWire(readEntry(response), proveSinceTx);
    return toBase64(encoderOf(VerifiableEntrySchema)(message));
  }
  return toBase64(encoderOf(VerifiableTxSchema)(verifiableTxToWire(readTx(response), proveSinceTx)));
}

function trustedOf(flow: ClientFlowCase): Trusted {
  const { txId, txHash } = flow.state;
  return {
    state: { db: flow.db, txId: BigInt(txId), txHash: fromHex(txHash), signature: undefined },
    publicKey: publicKeyOf(flow.publicKeyPem),
    fetchDualProof: replay(flow.extraCalls),
  };
}

const publicKeys = new Map<string, Uint8Array>();

/** Parsed once: tests ask for the same key very often. */
function publicKeyOf(pem: string): Uint8Array {
  const known = publicKeys.get(pem) ?? parsePublicKey(pem);
  publicKeys.set(pem, known);
  return known;
}

/** Answers from the recorded calls, each once and in order. */
function replay(calls: readonly ExtraCall[]): FetchDualProof {
  const left = [...calls];
  return async (tx, proveSinceTx) => {
    const call = left.shift();
    if (call === undefined) throw new Mismatch(`no call for the proof from ${proveSinceTx} to ${tx} was recorded`);
    const request = fromBinary(VerifiableTxRequestSchema, fromBase64(call.requestB64));
    expectEqual(request.tx, tx, "tx of the extra call");
    expectEqual(request.proveSinceTx, proveSinceTx, "proveSinceTx of the extra call");
    return readTx(fromBase64(call.responseB64)).dualProof;
  };
}

function readTx(response: Uint8Array): VerifiableTx {
  return verifiableTxFromWire(fromBinary(VerifiableTxSchema, response));
}

function readEntry(response: Uint8Array): VerifiableEntry {
  return verifiableEntryFromWire(fromBinary(VerifiableEntrySchema, response));
}
