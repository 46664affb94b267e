// What callers pass in, and its form on the wire. Bytes may be given as text; what is left out means "not asked for".

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  HistoryRequestSchema,
  KeyRequestSchema,
  KeyValueSchema,
  PreconditionSchema,
  ScanRequestSchema,
} from "../../gen/immudb/schema/kv_pb.ts";
import type { ReferenceRequestSchema } from "../../gen/immudb/schema/reference_pb.ts";
import type { ZAddRequestSchema, ZScanRequestSchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import { utf8 } from "../base/bytes.ts";
import type { KvMetadata, ZEntry } from "../proof/model.ts";
import type { ReferenceRequest, ZAddRequest } from "../proof/verify.ts";
import { kvMetadataToWire } from "../wire/metadata.ts";

/** Bytes, or a text that stands for its UTF-8 bytes. */
export type Bytes = Uint8Array | string;

export interface WriteOptions {
  readonly metadata?: KvMetadata | undefined;
}

export interface KeyValue extends WriteOptions {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** What must hold for a write to be made. */
export type Precondition =
  | { readonly kind: "key_must_exist"; readonly key: Bytes }
  | { readonly kind: "key_must_not_exist"; readonly key: Bytes }
  | { readonly kind: "key_not_modified_after_tx"; readonly key: Bytes; readonly txId: bigint };

export interface ReadOptions {
  /** The transaction that must have written the key. */
  readonly atTx?: bigint;
  /** Waits until this transaction can be read. */
  readonly sinceTx?: bigint;
  /** n: the n-th revision, -n: n before the latest. */
  readonly atRevision?: bigint;
}

export interface ScanOptions {
  readonly prefix?: Bytes;
  /** Where to begin; not itself part of the answer unless `inclusiveSeek`. */
  readonly seekKey?: Bytes;
  /** Where to end; not itself part of the answer unless `inclusiveEnd`. */
  readonly endKey?: Bytes;
  readonly inclusiveSeek?: boolean;
  readonly inclusiveEnd?: boolean;
  readonly desc?: boolean;
  readonly offset?: bigint;
  /** At most 2500; 0 stands for that. */
  readonly limit?: bigint;
  readonly sinceTx?: bigint;
}

export interface HistoryOptions {
  readonly desc?: boolean;
  readonly offset?: bigint;
  readonly limit?: number;
  readonly sinceTx?: bigint;
}

/** For what stands for a key: a reference, a member of a sorted set. */
export interface BindOptions {
  /** The transaction whose value is meant for good; the latest value unless given. */
  readonly atTx?: bigint | undefined;
}

export interface ZScanOptions {
  /** The member after which to begin. */
  readonly after?: Pick<ZEntry, "key" | "score" | "atTx"> | undefined;
  readonly minScore?: number | undefined;
  readonly maxScore?: number | undefined;
  readonly desc?: boolean;
  readonly offset?: bigint;
  /** At most 2500; 0 stands for that. */
  readonly limit?: bigint;
  readonly sinceTx?: bigint;
}

export function toBytes(bytes: Bytes): Uint8Array {
  return typeof bytes === "string" ? utf8(bytes) : bytes;
}

export function keyValueToWire({ key, value, metadata }: KeyValue): MessageInitShape<typeof KeyValueSchema> {
  const wire = kvMetadataToWire(metadata);
  return { key: toBytes(key), value: toBytes(value), ...(wire && { metadata: wire }) };
}

export function preconditionToWire(precondition: Precondition): MessageInitShape<typeof PreconditionSchema> {
  const key = toBytes(precondition.key);
  switch (precondition.kind) {
    case "key_must_exist":
      return { precondition: { case: "keyMustExist", value: { key } } };
    case "key_must_not_exist":
      return { precondition: { case: "keyMustNotExist", value: { key } } };
    case "key_not_modified_after_tx":
      return { precondition: { case: "keyNotModifiedAfterTX", value: { key, txID: precondition.txId } } };
  }
}

export function keyRequestToWire(key: Bytes, options: ReadOptions): MessageInitShape<typeof KeyRequestSchema> {
  return { key: toBytes(key), ...options };
}

export function scanToWire(options: ScanOptions): MessageInitShape<typeof ScanRequestSchema> {
  const { prefix = "", seekKey = "", endKey = "", ...rest } = options;
  return { prefix: toBytes(prefix), seekKey: toBytes(seekKey), endKey: toBytes(endKey), ...rest };
}

export function historyToWire(key: Bytes, options: HistoryOptions): MessageInitShape<typeof HistoryRequestSchema> {
  return { key: toBytes(key), ...options };
}

export function referenceRequestToWire(request: ReferenceRequest): MessageInitShape<typeof ReferenceRequestSchema> {
  return { ...request, boundRef: request.atTx !== 0n };
}

export function zAddToWire(request: ZAddRequest): MessageInitShape<typeof ZAddRequestSchema> {
  return { ...request, boundRef: request.atTx !== 0n };
}

export function zScanToWire(set: Bytes, options: ZScanOptions): MessageInitShape<typeof ZScanRequestSchema> {
  const { after, minScore, maxScore, ...rest } = options;
  return {
    set: toBytes(set),
    ...rest,
    ...(after && { seekKey: after.key, seekScore: after.score, seekAtTx: after.atTx }),
    ...(minScore !== undefined && { minScore: { score: minScore } }),
    ...(maxScore !== undefined && { maxScore: { score: maxScore } }),
  };
}
