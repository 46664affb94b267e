// How user keys, values, references and sorted-set members are laid out in the store (wire spec §2). These are the bytes
// that get hashed, so every reader and writer of the ledger goes through here.
//
//   plain key     00 | key
//   plain value   00 | value
//   reference     01 | u64 atTx | 00 | referenced key                        (the value of a plain key)
//   member        01 | u64 len(set) | set | f64 score | u64 (1 + len(key)) | 00 | key | u64 atTx    (a key; its value is empty)
//
// atTx 0 means unbound: follow the latest value. The score is kept as its IEEE 754 bits, so byte order equals numeric order
// for scores >= 0 only; negative ones sort after all others, from the greatest down. The layout is fixed by the wire.

import { concat, EMPTY, viewOf } from "../base/bytes.ts";
import { check, ProofError } from "./errors.ts";

/** First byte of the store key of plain values and references. */
export const KEY_PREFIX_PLAIN = 0x00;
/** First byte of the store key of a sorted-set member. */
export const KEY_PREFIX_SORTED_SET = 0x01;
/** First byte of every store key of the SQL engine. */
export const KEY_PREFIX_SQL = 0x02;
/** First byte of every store key of document collections. */
export const KEY_PREFIX_DOCUMENT = 0x03;
/** First byte of the store value that holds a plain value. */
export const VALUE_PREFIX_PLAIN = 0x00;
/** First byte of the store value that holds a reference. */
export const VALUE_PREFIX_REFERENCE = 0x01;
/** The store value of sorted-set members and deletions. */
export const NO_VALUE: Uint8Array = EMPTY;

/** What the store value of a plain key holds. */
export type PlainValue =
  | { readonly kind: "value"; readonly value: Uint8Array }
  | { readonly kind: "reference"; readonly key: Uint8Array; readonly atTx: bigint };

/** What the store key of a sorted-set member says. */
export interface SortedSetMember {
  readonly set: Uint8Array;
  readonly score: number;
  readonly key: Uint8Array;
  readonly atTx: bigint;
}

/** Store key of a user key. */
export function plainKey(userKey: Uint8Array): Uint8Array {
  return prefixed(KEY_PREFIX_PLAIN, userKey);
}

/** Store value of a user value. */
export function plainValue(userValue: Uint8Array): Uint8Array {
  return prefixed(VALUE_PREFIX_PLAIN, userValue);
}

/** Store value of a reference to a user key. */
export function referenceValue(referencedKey: Uint8Array, atTx: bigint): Uint8Array {
  const out = new Uint8Array(10 + referencedKey.length);
  out[0] = VALUE_PREFIX_REFERENCE;
  viewOf(out).setBigUint64(1, atTx);
  out[9] = KEY_PREFIX_PLAIN;
  out.set(referencedKey, 10);
  return out;
}

/** Store key of a sorted-set member. */
export function sortedSetKey(set: Uint8Array, score: number, key: Uint8Array, atTx: bigint): Uint8Array {
  const tail = new Uint8Array(16 + 1 + key.length + 8);
  const view = viewOf(tail);
  view.setFloat64(0, score);
  view.setBigUint64(8, BigInt(1 + key.length));
  tail[16] = KEY_PREFIX_PLAIN;
  tail.set(key, 17);
  view.setBigUint64(17 + key.length, atTx);
  return concat(sortedSetPrefix(set), tail);
}

/** The bytes with which the store keys of all members of a set begin. */
export function sortedSetPrefix(set: Uint8Array): Uint8Array {
  const out = new Uint8Array(9 + set.length);
  out[0] = KEY_PREFIX_SORTED_SET;
  viewOf(out).setBigUint64(1, BigInt(set.length));
  out.set(set, 9);
  return out;
}

/** User key of a plain store key. Throws `store_key_malformed`. */
export function decodePlainKey(storeKey: Uint8Array): Uint8Array {
  check(storeKey[0] === KEY_PREFIX_PLAIN, "store_key_malformed", "not the key of a plain entry");
  return storeKey.subarray(1);
}

/** Reads the store value of a plain key. Throws `store_value_malformed`. */
export function decodePlainValue(storeValue: Uint8Array): PlainValue {
  switch (storeValue[0]) {
    case VALUE_PREFIX_PLAIN:
      return { kind: "value", value: storeValue.subarray(1) };
    case VALUE_PREFIX_REFERENCE:
      check(
        storeValue.length >= 10 && storeValue[9] === KEY_PREFIX_PLAIN,
        "store_value_malformed",
        "a reference must lead to a plain key",
      );
      return { kind: "reference", key: storeValue.subarray(10), atTx: viewOf(storeValue).getBigUint64(1) };
    default:
      throw new ProofError("store_value_malformed", "neither a plain value nor a reference");
  }
}

/** Reads the store key of a sorted-set member. Throws `store_key_malformed`. */
export function decodeSortedSetKey(storeKey: Uint8Array): SortedSetMember {
  const view = viewOf(storeKey);
  const setLength = lengthAt(view, 1);
  const scoreAt = 9 + setLength;
  const keyLength = lengthAt(view, scoreAt + 8);
  const keyAt = scoreAt + 16;
  check(
    storeKey[0] === KEY_PREFIX_SORTED_SET &&
      keyAt + keyLength + 8 === storeKey.length &&
      keyLength > 0 &&
      storeKey[keyAt] === KEY_PREFIX_PLAIN,
    "store_key_malformed",
    "not the key of a sorted-set member",
  );
  return {
    set: storeKey.subarray(9, scoreAt),
    score: view.getFloat64(scoreAt),
    key: storeKey.subarray(keyAt + 1, keyAt + keyLength),
    atTx: view.getBigUint64(keyAt + keyLength),
  };
}

/** A 64-bit length that fits inside the key it was read from. */
function lengthAt(view: DataView, at: number): number {
  check(at + 8 <= view.byteLength, "store_key_malformed", "the key of a sorted-set member is too short");
  const length = view.getBigUint64(at);
  check(length <= BigInt(view.byteLength), "store_key_malformed", "a length inside the key exceeds it");
  return Number(length);
}

// Short ones stand side by side in slabs, since an allocation for each costs more than filling it.
const SLAB_BYTES = 16 * 1024;
let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

function prefixed(prefix: number, bytes: Uint8Array): Uint8Array {
  const out = room(1 + bytes.length);
  out[0] = prefix;
  out.set(bytes, 1);
  return out;
}

function room(length: number): Uint8Array {
  if (length > SLAB_BYTES / 16) return new Uint8Array(length);
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const from = slabUsed;
  slabUsed += length;
  return slab.subarray(from, slabUsed);
}
