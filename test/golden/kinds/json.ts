// From the JSON of the vector files to messages and domain values.

import { create } from "@bufbuild/protobuf";
import {
  DualProofSchema,
  DualProofV2Schema,
  LinearAdvanceProofSchema,
  LinearProofSchema,
  type DualProof as WireDualProof,
  type DualProofV2 as WireDualProofV2,
} from "../../../gen/immudb/schema/proof_pb.ts";
import { TxHeaderSchema, type TxHeader as WireTxHeader } from "../../../gen/immudb/schema/tx_pb.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import type { KvMetadata, LinearAdvanceProof, LinearProof, TxHeader, TxMetadata } from "../../../src/proof/model.ts";
import { linearAdvanceProofFromWire, linearProofFromWire } from "../../../src/wire/proofs.ts";
import { txHeaderToWire } from "../../../src/wire/tx-header.ts";

export interface KvMetadataJson {
  readonly deleted: boolean;
  readonly expiresAt: string | null;
  readonly nonIndexable: boolean;
}

export interface TxMetadataJson {
  readonly truncatedTxID: string | null;
  readonly extra: string;
}

export interface TxHeaderJson {
  readonly id: string;
  readonly ts: string;
  readonly version: number;
  readonly metadata: TxMetadataJson | null;
  readonly nentries: number;
  readonly eH: string;
  readonly blTxId: string;
  readonly blRoot: string;
  readonly prevAlh: string;
}

export interface LinearProofJson {
  readonly sourceTxId: string;
  readonly targetTxId: string;
  readonly terms: readonly string[];
}

export interface LinearAdvanceProofJson {
  readonly linearProofTerms: readonly string[];
  readonly inclusionProofs: readonly (readonly string[])[];
}

export interface DualProofV2Json {
  readonly sourceTxHeader: TxHeaderJson | null;
  readonly targetTxHeader: TxHeaderJson | null;
  readonly inclusionProof: readonly string[];
  readonly consistencyProof: readonly string[];
}

export interface DualProofJson extends DualProofV2Json {
  readonly targetBlTxAlh: string;
  readonly lastInclusionProof: readonly string[];
  readonly linearProof: LinearProofJson | null;
  readonly linearAdvanceProof: LinearAdvanceProofJson | null;
}

export function bytesList(list: readonly string[]): Uint8Array[] {
  return list.map(fromHex);
}

export function kvMetadata(json: KvMetadataJson | null): KvMetadata | undefined {
  if (json === null) return undefined;
  const { deleted, expiresAt, nonIndexable } = json;
  return { deleted, expiresAt: expiresAt === null ? undefined : BigInt(expiresAt), nonIndexable };
}

/** An empty `extra` is written as absent. */
export function txMetadata(json: TxMetadataJson | null): TxMetadata | undefined {
  if (json === null) return undefined;
  const { truncatedTxID, extra } = json;
  return {
    truncatedUptoTx: truncatedTxID === null ? undefined : BigInt(truncatedTxID),
    extra: extra === "" ? undefined : fromHex(extra),
  };
}

export function txHeader(json: TxHeaderJson): TxHeader {
  return {
    id: BigInt(json.id),
    prevAlh: fromHex(json.prevAlh),
    ts: BigInt(json.ts),
    version: json.version,
    metadata: txMetadata(json.metadata),
    nentries: json.nentries,
    eh: fromHex(json.eH),
    blTxId: BigInt(json.blTxId),
    blRoot: fromHex(json.blRoot),
  };
}

export function linearProof(json: LinearProofJson): LinearProof {
  return linearProofFromWire(linearProofMessage(json));
}

export function linearAdvanceProof(json: LinearAdvanceProofJson | null): LinearAdvanceProof | undefined {
  return json === null ? undefined : linearAdvanceProofFromWire(linearAdvanceProofMessage(json));
}

/** As a message, so that the reading of incomplete messages is under test too. */
export function dualProofMessage(json: DualProofJson): WireDualProof {
  const message = create(DualProofSchema, {
    inclusionProof: bytesList(json.inclusionProof),
    consistencyProof: bytesList(json.consistencyProof),
    targetBlTxAlh: fromHex(json.targetBlTxAlh),
    lastInclusionProof: bytesList(json.lastInclusionProof),
  });
  setHeaders(message, json);
  if (json.linearProof !== null) message.linearProof = linearProofMessage(json.linearProof);
  if (json.linearAdvanceProof !== null) message.LinearAdvanceProof = linearAdvanceProofMessage(json.linearAdvanceProof);
  return message;
}

export function dualProofV2Message(json: DualProofV2Json): WireDualProofV2 {
  const message = create(DualProofV2Schema, {
    inclusionProof: bytesList(json.inclusionProof),
    consistencyProof: bytesList(json.consistencyProof),
  });
  setHeaders(message, json);
  return message;
}

function setHeaders(
  message: { sourceTxHeader?: WireTxHeader | undefined; targetTxHeader?: WireTxHeader | undefined },
  json: DualProofV2Json,
): void {
  const alone = { emptyMetadata: false };
  const { sourceTxHeader: source, targetTxHeader: target } = json;
  if (source !== null) message.sourceTxHeader = create(TxHeaderSchema, txHeaderToWire(txHeader(source), alone));
  if (target !== null) message.targetTxHeader = create(TxHeaderSchema, txHeaderToWire(txHeader(target), alone));
}

function linearProofMessage(json: LinearProofJson): ReturnType<typeof create<typeof LinearProofSchema>> {
  return create(LinearProofSchema, {
    sourceTxId: BigInt(json.sourceTxId),
    TargetTxId: BigInt(json.targetTxId),
    terms: bytesList(json.terms),
  });
}

function linearAdvanceProofMessage(
  json: LinearAdvanceProofJson,
): ReturnType<typeof create<typeof LinearAdvanceProofSchema>> {
  return create(LinearAdvanceProofSchema, {
    linearProofTerms: bytesList(json.linearProofTerms),
    inclusionProofs: json.inclusionProofs.map((terms) => ({ terms: bytesList(terms) })),
  });
}
