// What an operation on a database is asked for, free of protobuf. Everything is required, so that a caller cannot forget a
// bound; where the wire says "0 or empty: not asked", so does the field (transaction ids count from 1). Keys and values are
// the user's own, without prefix bytes.

import type { KvMetadata } from "../proof/model.ts";
import type { SpooledValue, ValueSpool } from "../store/value-spool.ts";

/** One entry to be written. */
export interface KeyValue {
  readonly key: Uint8Array;
  /** One that was received by pieces may be on disk already. */
  readonly value: Uint8Array | SpooledValue;
  readonly metadata: KvMetadata | undefined;
}

/** What must hold when a transaction is committed. `null` is a precondition that names no condition: always invalid. */
export type Precondition =
  | { readonly kind: "key_must_exist"; readonly key: Uint8Array }
  | { readonly kind: "key_must_not_exist"; readonly key: Uint8Array }
  | { readonly kind: "key_not_modified_after_tx"; readonly key: Uint8Array; readonly txId: bigint }
  | { readonly kind: "null" };

export interface SetRequest {
  readonly entries: readonly KeyValue[];
  /** All must hold. */
  readonly preconditions: readonly Precondition[];
  /** true: answer without waiting until the index has the transaction. */
  readonly noWait: boolean;
  /** Where values are that are on disk already. */
  readonly spool?: ValueSpool | undefined;
}

export interface DeleteRequest {
  readonly keys: readonly Uint8Array[];
  /** 0n: no bound. */
  readonly sinceTx: bigint;
  readonly noWait: boolean;
}

export interface GetRequest {
  readonly key: Uint8Array;
  /** The value written by exactly this transaction; 0n: the latest. */
  readonly atTx: bigint;
  /** The answer must know at least this transaction; 0n: no bound. */
  readonly sinceTx: bigint;
  /** n > 0: the n-th revision; n < 0: that many before the latest; 0n: the latest. */
  readonly atRevision: bigint;
  readonly noWait: boolean;
}

export interface GetAllRequest {
  readonly keys: readonly Uint8Array[];
  readonly sinceTx: bigint;
}

export interface ScanRequest {
  /** Empty: every key. */
  readonly prefix: Uint8Array;
  /** Where the scan starts; empty: at the first key (the last when `desc`). */
  readonly seekKey: Uint8Array;
  /** Where it ends; empty: after the last key (the first when `desc`). */
  readonly endKey: Uint8Array;
  readonly inclusiveSeek: boolean;
  readonly inclusiveEnd: boolean;
  readonly desc: boolean;
  /** Matching entries to leave out first. */
  readonly offset: number;
  /** 0: as many as an answer may hold. */
  readonly limit: number;
  readonly sinceTx: bigint;
  readonly noWait: boolean;
}

export interface HistoryRequest {
  readonly key: Uint8Array;
  readonly offset: number;
  /** 0: as many as an answer may hold. May be negative as received: refused by the database. */
  readonly limit: number;
  readonly desc: boolean;
  readonly sinceTx: bigint;
}

/** In which form the entries of one kind are listed in a transaction. */
export type EntryAction = "exclude" | "only_digest" | "raw_value" | "resolve";

/** The form by kind of entry. A kind that is absent is left out; no specification at all means the digests of all kinds. */
export interface EntriesSpec {
  readonly kv: EntryAction | undefined;
  readonly z: EntryAction | undefined;
  readonly sql: EntryAction | undefined;
}

export interface TxRequest {
  readonly tx: bigint;
  readonly entriesSpec: EntriesSpec | undefined;
  readonly sinceTx: bigint;
  readonly noWait: boolean;
  readonly keepReferencesUnresolved: boolean;
}

export interface TxScanRequest {
  readonly initialTx: bigint;
  /** 0: as many as an answer may hold. */
  readonly limit: number;
  readonly desc: boolean;
  readonly entriesSpec: EntriesSpec | undefined;
  readonly sinceTx: bigint;
  readonly noWait: boolean;
}

/** The key that a reference or a member of a sorted set leads to. */
export interface ReferenceTarget {
  readonly key: Uint8Array;
  /** Bound: the transaction whose value of the key is meant; 0n: unbound. */
  readonly atTx: bigint;
  readonly boundRef: boolean;
}

export interface ReferenceRequest {
  readonly key: Uint8Array;
  readonly target: ReferenceTarget;
  readonly preconditions: readonly Precondition[];
  readonly noWait: boolean;
}

export interface ZAddRequest {
  readonly set: Uint8Array;
  readonly score: number;
  readonly target: ReferenceTarget;
  readonly noWait: boolean;
}

export interface ZScanRequest {
  readonly set: Uint8Array;
  /** With seekScore and seekAtTx: the member where the walk starts; empty: at the end that it starts from anyway. */
  readonly seekKey: Uint8Array;
  readonly seekScore: number;
  readonly seekAtTx: bigint;
  readonly inclusiveSeek: boolean;
  /** Bounds, included; undefined: none. */
  readonly minScore: number | undefined;
  readonly maxScore: number | undefined;
  readonly desc: boolean;
  /** Members to pass over first. */
  readonly offset: number;
  /** 0: as many as an answer may hold. */
  readonly limit: number;
  readonly sinceTx: bigint;
  readonly noWait: boolean;
}

/** A step of a batch. `none` says nothing to do: always invalid. In a batch, boundRef without atTx means its own transaction. */
export type Operation =
  | { readonly kind: "set"; readonly entry: KeyValue }
  | { readonly kind: "reference"; readonly key: Uint8Array; readonly target: ReferenceTarget }
  | { readonly kind: "member"; readonly set: Uint8Array; readonly score: number; readonly target: ReferenceTarget }
  | { readonly kind: "none" };

export interface ExecAllRequest {
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
  readonly noWait: boolean;
  /** Where values are that are on disk already. */
  readonly spool?: ValueSpool | undefined;
}

export interface VerifiableReferenceRequest {
  readonly reference: ReferenceRequest;
  readonly proveSinceTx: bigint;
}

export interface VerifiableZAddRequest {
  readonly member: ZAddRequest;
  readonly proveSinceTx: bigint;
}

export interface VerifiableSetRequest {
  readonly set: SetRequest;
  /** The transaction that the proof starts from; 0n: none. */
  readonly proveSinceTx: bigint;
}

export interface VerifiableGetRequest {
  readonly get: GetRequest;
  readonly proveSinceTx: bigint;
}

export interface VerifiableTxRequest {
  readonly tx: TxRequest;
  readonly proveSinceTx: bigint;
}
