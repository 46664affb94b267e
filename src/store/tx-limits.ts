// What every transaction must keep to, whether it is written here or comes from elsewhere.

import type { TxEntry } from "../proof/model.ts";
import { StoreError } from "./errors.ts";

/** Bounds of one database. Lengths count the prefix byte. */
export interface StoreSettings {
  readonly maxKeyLen: number;
  readonly maxValueLen: number;
  readonly maxTxEntries: number;
  /** true: transactions carry no time (0). */
  readonly excludeCommitTime: boolean;
  /** 0 or 1. */
  readonly writeTxHeaderVersion: number;
}

/** Throws `no_entries` or `too_many_entries`. */
export function requireEntryCount(count: number, { maxTxEntries }: StoreSettings): void {
  if (count === 0) throw new StoreError("no_entries", "a transaction needs at least one entry");
  if (count > maxTxEntries) throw tooMuch("too_many_entries", maxTxEntries, "maxTxEntries");
}

/** Throws `empty_key`, `key_too_long` or `value_too_long`. */
export function requireEntryLengths(key: Uint8Array, valueLength: number, settings: StoreSettings): void {
  const { maxKeyLen, maxValueLen } = settings;
  if (key.length === 0) throw new StoreError("empty_key", "a store key has at least its prefix byte");
  if (key.length > maxKeyLen) throw tooMuch("key_too_long", maxKeyLen, "maxKeyLen");
  if (valueLength > maxValueLen) throw tooMuch("value_too_long", maxValueLen, "maxValueLen");
}

/** What is longer, or more, than a setting allows. */
export function tooMuch(
  code: "too_many_entries" | "key_too_long" | "value_too_long",
  limit: number,
  setting: string,
): StoreError {
  return new StoreError(code, `more than ${limit} (${setting})`, { limit, setting });
}

/** `keys`: those of all entries, as text. Throws `duplicate_key`. */
export function requireDistinct(keys: readonly string[]): void {
  if (keys.length < 2 || new Set(keys).size === keys.length) return;
  throw new StoreError("duplicate_key", "a transaction holds each key once");
}

/** Bytes of all keys and values. */
export function contentBytes(entries: readonly Pick<TxEntry, "key">[], values: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { key } of entries) bytes += key.length;
  for (const value of values) bytes += value.length;
  return bytes;
}
