// Requests as the database room wants them. Counts of 64 bits that no answer could reach are cut to the largest exact
// number; everything else passes as it came and is judged by the database.

import type * as wireBatch from "../../gen/immudb/schema/batch_pb.ts";
import type * as wire from "../../gen/immudb/schema/kv_pb.ts";
import type * as wireReference from "../../gen/immudb/schema/reference_pb.ts";
import type * as wireSet from "../../gen/immudb/schema/sorted_set_pb.ts";
import type * as wireTx from "../../gen/immudb/schema/tx_pb.ts";
import { EntryTypeAction } from "../../gen/immudb/schema/tx_pb.ts";
import { DatabaseError } from "../database/errors.ts";
import type {
  DeleteRequest,
  EntriesSpec,
  EntryAction,
  ExecAllRequest,
  GetAllRequest,
  GetRequest,
  HistoryRequest,
  KeyValue,
  Operation,
  Precondition,
  ReferenceRequest,
  ScanRequest,
  SetRequest,
  TxRequest,
  TxScanRequest,
  VerifiableGetRequest,
  VerifiableReferenceRequest,
  VerifiableSetRequest,
  VerifiableTxRequest,
  VerifiableZAddRequest,
  ZAddRequest,
  ZScanRequest,
} from "../database/requests.ts";
import { kvMetadataFromWire } from "../wire/metadata.ts";

export function setFromWire(message: wire.SetRequest): SetRequest {
  return {
    entries: message.KVs.map(keyValueFromWire),
    preconditions: message.preconditions.map(preconditionFromWire),
    noWait: message.noWait,
  };
}

function keyValueFromWire({ key, value, metadata }: wire.KeyValue): KeyValue {
  return { key, value, metadata: kvMetadataFromWire(metadata) };
}

function preconditionFromWire({ precondition }: wire.Precondition): Precondition {
  switch (precondition.case) {
    case "keyMustExist":
      return { kind: "key_must_exist", key: precondition.value.key };
    case "keyMustNotExist":
      return { kind: "key_must_not_exist", key: precondition.value.key };
    case "keyNotModifiedAfterTX":
      return { kind: "key_not_modified_after_tx", key: precondition.value.key, txId: precondition.value.txID };
    case undefined:
      return { kind: "null" };
  }
}

export function getFromWire({ key, atTx, sinceTx, atRevision, noWait }: wire.KeyRequest): GetRequest {
  return { key, atTx, sinceTx, atRevision, noWait };
}

export function getAllFromWire({ keys, sinceTx }: wire.KeyListRequest): GetAllRequest {
  return { keys, sinceTx };
}

export function deleteFromWire({ keys, sinceTx, noWait }: wire.DeleteKeysRequest): DeleteRequest {
  return { keys, sinceTx, noWait };
}

export function scanFromWire(message: wire.ScanRequest): ScanRequest {
  const { prefix, seekKey, endKey, inclusiveSeek, inclusiveEnd, desc, sinceTx, noWait } = message;
  const [offset, limit] = [exactNumber(message.offset), exactNumber(message.limit)];
  return { prefix, seekKey, endKey, inclusiveSeek, inclusiveEnd, desc, offset, limit, sinceTx, noWait };
}

export function historyFromWire({ key, offset, limit, desc, sinceTx }: wire.HistoryRequest): HistoryRequest {
  return { key, offset: exactNumber(offset), limit, desc, sinceTx };
}

export function referenceFromWire(message: wireReference.ReferenceRequest): ReferenceRequest {
  const { key, referencedKey, atTx, boundRef, noWait } = message;
  const preconditions = message.preconditions.map(preconditionFromWire);
  return { key, target: { key: referencedKey, atTx, boundRef }, preconditions, noWait };
}

export function zAddFromWire({ set, score, key, atTx, boundRef, noWait }: wireSet.ZAddRequest): ZAddRequest {
  return { set, score, target: { key, atTx, boundRef }, noWait };
}

export function zScanFromWire(message: wireSet.ZScanRequest): ZScanRequest {
  const { set, seekKey, seekScore, seekAtTx, inclusiveSeek, desc, sinceTx, noWait } = message;
  const [minScore, maxScore] = [message.minScore?.score, message.maxScore?.score];
  const [offset, limit] = [exactNumber(message.offset), exactNumber(message.limit)];
  return { set, seekKey, seekScore, seekAtTx, inclusiveSeek, minScore, maxScore, desc, offset, limit, sinceTx, noWait };
}

export function execAllFromWire({ Operations, preconditions, noWait }: wireBatch.ExecAllRequest): ExecAllRequest {
  return {
    operations: Operations.map(operationFromWire),
    preconditions: preconditions.map(preconditionFromWire),
    noWait,
  };
}

/** Throws IllegalArguments for preconditions of a single step: they belong to the batch. */
function operationFromWire({ operation }: wireBatch.Op): Operation {
  switch (operation.case) {
    case undefined:
      return { kind: "none" };
    case "kv":
      return { kind: "set", entry: keyValueFromWire(operation.value) };
    case "zAdd": {
      const { set, score, target } = zAddFromWire(operation.value);
      return { kind: "member", set, score, target };
    }
    case "ref": {
      const { key, target, preconditions } = referenceFromWire(operation.value);
      if (preconditions.length > 0) throw new DatabaseError("illegal_arguments", "preconditions belong to the batch");
      return { kind: "reference", key, target };
    }
  }
}

/** Throws DatabaseError `illegal_arguments` when the request has no inner one. */
export function verifiableReferenceFromWire(
  message: wireReference.VerifiableReferenceRequest,
): VerifiableReferenceRequest {
  const { referenceRequest, proveSinceTx } = message;
  if (referenceRequest === undefined) throw new DatabaseError("illegal_arguments", "no reference request");
  return { reference: referenceFromWire(referenceRequest), proveSinceTx };
}

/** Throws DatabaseError `illegal_arguments` when the request has no inner one. */
export function verifiableZAddFromWire(message: wireSet.VerifiableZAddRequest): VerifiableZAddRequest {
  const { zAddRequest, proveSinceTx } = message;
  if (zAddRequest === undefined) throw new DatabaseError("illegal_arguments", "no zAdd request");
  return { member: zAddFromWire(zAddRequest), proveSinceTx };
}

export function txFromRequest(message: wireTx.TxRequest | wireTx.VerifiableTxRequest): TxRequest {
  const { tx, sinceTx, noWait, keepReferencesUnresolved } = message;
  return { tx, entriesSpec: entriesSpecFromWire(message.entriesSpec), sinceTx, noWait, keepReferencesUnresolved };
}

export function txScanFromWire(message: wireTx.TxScanRequest): TxScanRequest {
  const { initialTx, limit, desc, sinceTx, noWait } = message;
  return { initialTx, limit, desc, entriesSpec: entriesSpecFromWire(message.entriesSpec), sinceTx, noWait };
}

/** Throws DatabaseError `illegal_arguments` when the request has no inner one. */
export function verifiableSetFromWire({ setRequest, proveSinceTx }: wire.VerifiableSetRequest): VerifiableSetRequest {
  if (setRequest === undefined) throw new DatabaseError("illegal_arguments", "no set request");
  return { set: setFromWire(setRequest), proveSinceTx };
}

/** Throws DatabaseError `empty_request` when the request has no inner one. */
export function verifiableGetFromWire({ keyRequest, proveSinceTx }: wire.VerifiableGetRequest): VerifiableGetRequest {
  if (keyRequest === undefined) throw new DatabaseError("empty_request", "no key request");
  return { get: getFromWire(keyRequest), proveSinceTx };
}

export function verifiableTxFromRequest(message: wireTx.VerifiableTxRequest): VerifiableTxRequest {
  return { tx: txFromRequest(message), proveSinceTx: message.proveSinceTx };
}

function entriesSpecFromWire(spec: wireTx.EntriesSpec | undefined): EntriesSpec | undefined {
  if (spec === undefined) return undefined;
  return {
    kv: actionFromWire(spec.kvEntriesSpec),
    z: actionFromWire(spec.zEntriesSpec),
    sql: actionFromWire(spec.sqlEntriesSpec),
  };
}

function actionFromWire(spec: wireTx.EntryTypeSpec | undefined): EntryAction | undefined {
  switch (spec?.action) {
    case undefined:
      return undefined;
    case EntryTypeAction.EXCLUDE:
      return "exclude";
    case EntryTypeAction.ONLY_DIGEST:
      return "only_digest";
    case EntryTypeAction.RAW_VALUE:
      return "raw_value";
    case EntryTypeAction.RESOLVE:
      return "resolve";
    default:
      throw new DatabaseError("illegal_arguments", `unknown action ${spec?.action} for entries`);
  }
}

function exactNumber(count: bigint): number {
  return Math.min(Number(count), Number.MAX_SAFE_INTEGER);
}
