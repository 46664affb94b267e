// Writing what leads to a key: a reference stands for another key, a member of a sorted set lists it under a score. Both lead
// to a key that holds a value, one step deep:
//
//   unbound  atTx 0                   follows the latest value of the key
//   bound    atTx of a transaction    keeps to the value that the key was given by it
//
// What a write demands of the keys involved is looked at in the state that readers see, and the write is made on the
// condition that they have not changed since ("key_unchanged"); where they have, it is looked at again.

import { decodePlainValue, NO_VALUE, plainKey, plainValue, referenceValue, sortedSetKey } from "../proof/keys.ts";
import type { EntrySpec } from "../store/chain.ts";
import { isReadable } from "../store/readable.ts";
import type { Store } from "../store/store.ts";
import type { Precondition, TxSpec } from "../store/tx-spec.ts";
import { entryAtTx, latestEntry } from "./entries.ts";
import { DatabaseError } from "./errors.ts";
import { toStorePrecondition } from "./preconditions.ts";
import type { KeyValue, ReferenceRequest, ReferenceTarget, ZAddRequest } from "./requests.ts";

/** A state of a database, and what a write that looks at it relies on. */
export class LookedAt {
  readonly #store: Store;
  readonly #now: bigint;
  /** What must not have changed when the write is made. */
  readonly unchanged: Precondition[] = [];

  constructor(store: Store, now: bigint) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Requires that a key holds a value that something may lead to. Throws `key_not_found`, `key_expired`, `tx_not_found`,
   * `reference_to_reference`.
   */
  requireTarget({ key, atTx }: ReferenceTarget): void {
    if (atTx === 0n) this.#watch(plainKey(key));
    const entry = atTx === 0n ? latestEntry(this.#store, key, this.#now) : entryAtTx(this.#store, key, atTx, this.#now);
    if (entry.referencedBy !== undefined) {
      throw new DatabaseError("reference_to_reference", "what is referred to is a reference itself");
    }
  }

  /** Requires that a key may become a reference: that it holds no value. Throws `value_to_reference`. */
  requireNoValue(key: Uint8Array): void {
    const storeKey = plainKey(key);
    const version = this.#watch(storeKey);
    if (!isReadable(version, this.#now)) return;
    const { value } = this.#store.log.entry(version.txId, version.entry, storeKey);
    if (decodePlainValue(value).kind === "value") {
      throw new DatabaseError("value_to_reference", "a key that holds a value cannot become a reference");
    }
  }

  #watch(storeKey: Uint8Array): ReturnType<Store["latest"]> {
    const version = this.#store.latest(storeKey);
    this.unchanged.push({ kind: "key_unchanged", key: storeKey, txId: version?.txId ?? 0n });
    return version;
  }
}

/** Throws IllegalArguments unless a transaction is named exactly when the reference is bound. */
export function requireBinding({ atTx, boundRef }: ReferenceTarget): void {
  if (boundRef !== atTx > 0n) throw new DatabaseError("illegal_arguments", "boundRef and atTx go together");
}

/** Throws IllegalArguments for a reference without a name or without a target. */
export function requireNamed(...names: readonly Uint8Array[]): void {
  if (names.some((name) => name.length === 0)) throw new DatabaseError("illegal_arguments", "a key or set is empty");
}

export function referenceSpec(request: ReferenceRequest, store: Store, now: bigint): TxSpec {
  const { key, target, preconditions } = request;
  requireNamed(key, target.key);
  requireBinding(target);
  const state = new LookedAt(store, now);
  state.requireNoValue(key);
  state.requireTarget(target);
  return {
    entries: [referenceEntry(key, target.key, target.atTx)],
    preconditions: [...state.unchanged, ...preconditions.map(toStorePrecondition)],
    metadata: undefined,
  };
}

export function zAddSpec({ set, score, target }: ZAddRequest, store: Store, now: bigint): TxSpec {
  requireNamed(set, target.key);
  requireScore(score);
  requireBinding(target);
  const state = new LookedAt(store, now);
  state.requireTarget(target);
  return {
    entries: [memberEntry(set, score, target.key, target.atTx)],
    preconditions: state.unchanged,
    metadata: undefined,
  };
}

/** Throws IllegalArguments for what is no number: it has no place in the order of scores. */
export function requireScore(score: number): void {
  if (Number.isNaN(score)) throw new DatabaseError("illegal_arguments", "a score must be a number");
}

export function valueEntry({ key, value, metadata }: KeyValue): EntrySpec {
  return { key: plainKey(key), value: value instanceof Uint8Array ? plainValue(value) : value, metadata };
}

export function referenceEntry(key: Uint8Array, referencedKey: Uint8Array, atTx: bigint): EntrySpec {
  return { key: plainKey(key), value: referenceValue(referencedKey, atTx), metadata: undefined };
}

export function memberEntry(set: Uint8Array, score: number, key: Uint8Array, atTx: bigint): EntrySpec {
  return { key: sortedSetKey(set, score, key, atTx), value: NO_VALUE, metadata: undefined };
}
