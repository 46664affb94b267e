// From stored versions to entries as users see them: values without their prefix byte, references followed one step.

import { equalBytes } from "../base/bytes.ts";
import { decodePlainKey, decodePlainValue, plainKey, VALUE_PREFIX_PLAIN } from "../proof/keys.ts";
import type { Entry, KvMetadata, Reference, TxEntry } from "../proof/model.ts";
import { StoreError } from "../store/errors.ts";
import type { VersionRecord } from "../store/layout.ts";
import { isExpired, requireReadable } from "../store/readable.ts";
import type { Store } from "../store/store.ts";

const NO_VALUE = new Uint8Array(0);

/** The latest readable value of a user key. Throws `key_not_found` or `key_expired`. */
export function latestEntry(store: Store, key: Uint8Array, now: bigint): Entry {
  const storeKey = plainKey(key);
  const version = requireReadable(store.latest(storeKey), now);
  return resolved(store, key, version, store.log.valueOf(version.txId, version.entry, storeKey), now);
}

/** A readable version of a plain store key, as an entry. */
export function entryOfVersion(store: Store, storeKey: Uint8Array, version: VersionRecord, now: bigint): Entry {
  const value = store.log.valueOf(version.txId, version.entry, storeKey);
  return resolved(store, decodePlainKey(storeKey), version, value, now);
}

/** What a key was given by exactly the transaction `txId`; the revision is not looked for (0). */
export function entryAtTx(store: Store, key: Uint8Array, txId: bigint, now: bigint): Entry {
  const storeKey = plainKey(key);
  if (txId > store.committed.txId) throw new StoreError("tx_not_found", `transaction ${txId} not found`, { txId });
  const record = store.log.record(txId);
  const entries = store.log.entries(txId, record);
  const index = entries.findIndex((entry) => equalBytes(entry.key, storeKey));
  const version =
    index < 0 ? undefined : { txId, entry: index, revision: 0n, metadata: (entries[index] as TxEntry).metadata };
  return entryOfVersion(store, storeKey, requireReadable(version, now), now);
}

/** Whether the value of a version was removed by truncation. A deletion has none that could be. */
export function isTruncated(store: Store, { txId, metadata }: VersionRecord): boolean {
  return txId < store.truncatedBefore && metadata?.deleted !== true;
}

/**
 * A version as history lists it: deletions, expired and truncated versions too, those without a value, references as they
 * are stored. `storeKey` is that of `key`.
 */
export function historyEntry(
  store: Store,
  key: Uint8Array,
  storeKey: Uint8Array,
  version: VersionRecord,
  now: bigint,
): Entry {
  const expired = isExpired(version, now) || isTruncated(store, version);
  const hidden = expired || version.metadata?.deleted === true;
  const value = hidden ? NO_VALUE : store.log.valueOf(version.txId, version.entry, storeKey).subarray(1);
  return plainEntry(key, version, value, expired);
}

/** An entry of a transaction whose value is known; references are followed unless they are to be kept. */
export function entryOfTx(
  store: Store,
  txId: bigint,
  entry: TxEntry,
  value: Uint8Array,
  keepReferences: boolean,
  now: bigint,
): Entry {
  const key = decodePlainKey(entry.key);
  const version = { txId, entry: 0, revision: 0n, metadata: entry.metadata };
  if (entry.metadata?.deleted || value.length === 0) return plainEntry(key, version, NO_VALUE);
  if (!keepReferences) return resolved(store, key, version, value, now);
  const plain = decodePlainValue(value);
  if (plain.kind === "value") return plainEntry(key, version, plain.value);
  const target = { txId: plain.atTx, entry: 0, revision: 0n, metadata: undefined };
  return { ...plainEntry(plain.key, target, NO_VALUE), referencedBy: referenceOf(key, version, plain.atTx) };
}

function resolved(store: Store, key: Uint8Array, version: VersionRecord, value: Uint8Array, now: bigint): Entry {
  // By far the most: without an object that only says so.
  if (value[0] === VALUE_PREFIX_PLAIN) return plainEntry(key, version, value.subarray(1));
  const plain = decodePlainValue(value);
  if (plain.kind === "value") return plainEntry(key, version, plain.value);
  const target = plain.atTx === 0n ? latestEntry(store, plain.key, now) : entryAtTx(store, plain.key, plain.atTx, now);
  return { ...target, referencedBy: referenceOf(key, version, plain.atTx) };
}

function plainEntry(
  key: Uint8Array,
  version: { txId: bigint; revision: bigint; metadata: KvMetadata | undefined },
  value: Uint8Array,
  expired = false,
): Entry {
  const { txId, revision, metadata } = version;
  return { tx: txId, key, value, metadata, expired, revision, referencedBy: undefined };
}

function referenceOf(key: Uint8Array, version: VersionRecord, atTx: bigint): Reference {
  return { tx: version.txId, key, atTx, metadata: version.metadata, revision: version.revision };
}
