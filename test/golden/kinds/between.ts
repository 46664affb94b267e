// Cases about proofs between transactions, and signed states.

import { fromBinary } from "@bufbuild/protobuf";
import { DualProofSchema } from "../../../gen/immudb/schema/proof_pb.ts";
import { fromBase64, fromHex, toBase64, toHex } from "../../../src/base/bytes.ts";
import { verifyDualProof } from "../../../src/proof/dual.ts";
import { verifyDualProofV2 } from "../../../src/proof/dual-v2.ts";
import { verifyLinearAdvanceProof, verifyLinearProof } from "../../../src/proof/linear.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { parsePublicKey, statePayload, verifyStateSignature } from "../../../src/proof/signed-state.ts";
import { encoderOf } from "../../../src/wire/codec/encoder.ts";
import { dualProofFromWire, dualProofToWire, dualProofV2FromWire } from "../../../src/wire/proofs.ts";
import { type Answers, expectEqual, type VectorCase } from "../vector-file.ts";
import {
  type DualProofJson,
  type DualProofV2Json,
  dualProofMessage,
  dualProofV2Message,
  type LinearAdvanceProofJson,
  type LinearProofJson,
  linearAdvanceProof,
  linearProof,
} from "./json.ts";

interface BetweenCase<Proof> extends VectorCase {
  readonly proof: Proof;
  readonly protoB64?: string;
  readonly sourceTxId: string;
  readonly targetTxId: string;
  readonly sourceAlh: string;
  readonly targetAlh: string;
}

export const linearProofAnswers: Answers = {
  "": (vector) => {
    const given = vector as BetweenCase<LinearProofJson>;
    verifyLinearProof(linearProof(given.proof), ...ends(given));
  },
};

interface LinearAdvanceCase extends VectorCase {
  readonly proof: LinearAdvanceProofJson | null;
  readonly startTxId: string;
  readonly endTxId: string;
  readonly endAlh: string;
  readonly treeRoot: string;
  readonly treeSize: string;
}

export const linearAdvanceProofAnswers: Answers = {
  "": (vector) => {
    const { proof, startTxId, endTxId, endAlh, treeRoot, treeSize } = vector as LinearAdvanceCase;
    const advance = linearAdvanceProof(proof);
    verifyLinearAdvanceProof(
      advance,
      BigInt(startTxId),
      BigInt(endTxId),
      fromHex(endAlh),
      fromHex(treeRoot),
      BigInt(treeSize),
    );
  },
};

export const dualProofAnswers: Answers = {
  "": (vector) => {
    const given = vector as BetweenCase<DualProofJson>;
    const proof = dualProofFromWire(dualProofMessage(given.proof));
    verifyDualProof(proof, ...ends(given));
    if (given.protoB64 === undefined) return;
    const message = fromBinary(DualProofSchema, fromBase64(given.protoB64));
    const read = dualProofFromWire(message);
    verifyDualProof(read, ...ends(given));
    const written = dualProofToWire(read, {
      emptySourceMetadata: message.sourceTxHeader?.metadata !== undefined,
      emptyTargetMetadata: message.targetTxHeader?.metadata !== undefined,
    });
    expectEqual(toBase64(encoderOf(DualProofSchema)(written)), given.protoB64, "proto");
  },
};

export const dualProofV2Answers: Answers = {
  "": (vector) => {
    const given = vector as BetweenCase<DualProofV2Json>;
    verifyDualProofV2(dualProofV2FromWire(dualProofV2Message(given.proof)), ...ends(given));
  },
};

function ends(given: BetweenCase<unknown>): [bigint, bigint, Uint8Array, Uint8Array] {
  return [BigInt(given.sourceTxId), BigInt(given.targetTxId), fromHex(given.sourceAlh), fromHex(given.targetAlh)];
}

interface StateCase extends VectorCase {
  readonly db: string;
  readonly txId: string;
  readonly txHash: string;
  readonly payload: string;
  readonly payloadSha256: string;
  readonly publicKeyPem: string;
  readonly publicKeyRaw: string;
  readonly signature: string;
  readonly signaturePublicKey: string;
}

export const stateSignatureAnswers: Answers = {
  "": (vector) => {
    const given = vector as StateCase;
    const signature =
      given.signature === ""
        ? undefined
        : { publicKey: fromHex(given.signaturePublicKey), signature: fromHex(given.signature) };
    const state = { db: given.db, txId: BigInt(given.txId), txHash: fromHex(given.txHash), signature };
    const publicKey = parsePublicKey(given.publicKeyPem);
    expectEqual(toHex(statePayload(state)), given.payload, "payload");
    expectEqual(toHex(sha256(statePayload(state))), given.payloadSha256, "payloadSha256");
    expectEqual(toHex(publicKey), given.publicKeyRaw, "publicKeyRaw");
    verifyStateSignature(state, publicKey);
  },
  key: (vector) => {
    const { publicKeyPem, publicKeyRaw } = vector as StateCase;
    expectEqual(toHex(parsePublicKey(publicKeyPem)), publicKeyRaw, "publicKeyRaw");
  },
};
