// From stored versions to entries as users see them: values without their prefix byte, references followed one step.

import { equalBytes } from "../base/bytes.ts";
import { decodePlainKey, decodePlainValue, plainKey, VALUE_PREFIX_PLAIN } from "../proof/keys.ts";
import type { Entry, KvMetadata, Reference, TxEntry } from "../proof/model.ts";
import { StoreError } from "../store/errors.ts";
import type { VersionRecord } from "../store/layout.ts";
import { isExpired, requireReadable } from "../store/readable.ts";
import type { Store } from "../store/store.ts";
import type { TxLog } from "../store/tx-log.ts";
import { DatabaseError } from "./errors.ts";

/** What entries are read from: a store, or as much of one as that takes. */
export type EntryReads = Pick<Store, "committed" | "truncatedBefore" | "latest" | "revisions" | "scan"> & {
  readonly log: Pick<TxLog, "valueOf" | "isWithheld" | "record" | "entries">;
};

const NO_VALUE = new Uint8Array(0);

/** Where a walk from key to key stands: a reference is followed, what it leads to is not. */
type Step = "key" | "target";

/** The latest readable value of a user key. Throws `key_not_found`, `key_expired`, `reference_chain`. */
export function latestEntry(store: EntryReads, key: Uint8Array, now: bigint, step: Step = "key"): Entry {
  const storeKey = plainKey(key);
  const version = requireReadable(store.latest(storeKey), now);
  return resolved(store, key, version, store.log.valueOf(version.txId, version.entry, storeKey), now, step);
}

/** A readable version of a plain store key, as an entry. */
export function entryOfVersion(
  store: EntryReads,
  storeKey: Uint8Array,
  version: VersionRecord,
  now: bigint,
  step: Step = "key",
): Entry {
  const value = store.log.valueOf(version.txId, version.entry, storeKey);
  return resolved(store, decodePlainKey(storeKey), version, value, now, step);
}

/** What a key was given by exactly the transaction `txId`; the revision is not looked for (0). */
export function entryAtTx(store: EntryReads, key: Uint8Array, txId: bigint, now: bigint, step: Step = "key"): Entry {
  const storeKey = plainKey(key);
  if (txId > store.committed.txId) throw new StoreError("tx_not_found", `transaction ${txId} not found`, { txId });
  const record = store.log.record(txId);
  const entries = store.log.entries(txId, record);
  const index = entries.findIndex((entry) => equalBytes(entry.key, storeKey));
  const version =
    index < 0 ? undefined : { txId, entry: index, revision: 0n, metadata: (entries[index] as TxEntry).metadata };
  return entryOfVersion(store, storeKey, requireReadable(version, now), now, step);
}

/** Whether the value of a version was removed by truncation, here or where it comes from. A deletion has none that could be. */
export function isTruncated(store: EntryReads, { txId, entry, metadata }: VersionRecord): boolean {
  return (txId < store.truncatedBefore || store.log.isWithheld(txId, entry)) && metadata?.deleted !== true;
}

/**
 * A version as history lists it: deletions, expired and truncated versions too, those without a value, references as they
 * are stored. `storeKey` is that of `key`.
 */
export function historyEntry(
  store: EntryReads,
  key: Uint8Array,
  storeKey: Uint8Array,
  version: VersionRecord,
  now: bigint,
): Entry {
  const expired = isExpired(version.metadata, now) || isTruncated(store, version);
  const hidden = expired || version.metadata?.deleted === true;
  const value = hidden ? NO_VALUE : store.log.valueOf(version.txId, version.entry, storeKey).subarray(1);
  return plainEntry(key, version, value, expired);
}

/** A plain entry of a transaction as Get gives it at that transaction; a reference that is kept is listed without a value. */
export function entryOfTx(
  store: EntryReads,
  txId: bigint,
  entry: TxEntry,
  value: Uint8Array,
  keepReferences: boolean,
  now: bigint,
): Entry {
  const key = decodePlainKey(entry.key);
  const version = { txId, entry: 0, revision: 0n, metadata: entry.metadata };
  requireReadable(version, now);
  if (!keepReferences) return resolved(store, key, version, value, now, "key");
  const plain = decodePlainValue(value);
  if (plain.kind === "value") return plainEntry(key, version, plain.value);
  return { ...unreadEntry(plain.key, plain.atTx), referencedBy: referenceOf(key, version, plain.atTx) };
}

/** A key that something leads to and that was not looked at; `atTx` 0n: not bound. */
export function unreadEntry(key: Uint8Array, atTx: bigint): Entry {
  return plainEntry(key, { txId: atTx, revision: 0n, metadata: undefined }, NO_VALUE);
}

/**
 * Follows a reference by one step: more are never written, but a key that a reference leads to may be deleted and made a
 * reference later. That is refused, so that no chain, however long, is walked by one read.
 */
function resolved(
  store: EntryReads,
  key: Uint8Array,
  version: VersionRecord,
  value: Uint8Array,
  now: bigint,
  step: Step,
): Entry {
  // By far the most: without an object that only says so.
  if (value[0] === VALUE_PREFIX_PLAIN) return plainEntry(key, version, value.subarray(1));
  const plain = decodePlainValue(value);
  if (plain.kind === "value") return plainEntry(key, version, plain.value);
  if (step === "target") throw new DatabaseError("reference_chain", "a reference leads to a reference");
  const target =
    plain.atTx === 0n
      ? latestEntry(store, plain.key, now, "target")
      : entryAtTx(store, plain.key, plain.atTx, now, "target");
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
