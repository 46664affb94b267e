// What is answered where a value, or another part of a transaction, cannot be read: by name, and never with its bytes.

import { toHex } from "../base/bytes.ts";
import { StoreError } from "./errors.ts";
import { nameOfKey } from "./key-name.ts";

/** Part `what` of a transaction is not what was written. */
export function damagedIn(database: string, txId: bigint, what: string, key?: Uint8Array, cause?: unknown): StoreError {
  const named = key === undefined ? "" : ` of key ${nameOfKey(key)}`;
  const message = `data is damaged: ${what}${named} in transaction ${txId} of database ${database} is not what was written`;
  const data = { database, txId, what, ...(key === undefined ? {} : { key: toHex(key) }) };
  return new StoreError("damaged", message, data, cause);
}

/** The value of a key was removed by a truncation. */
export function truncatedIn(database: string, txId: bigint, key: Uint8Array): StoreError {
  const message = `the value of key ${nameOfKey(key)} in transaction ${txId} of database ${database} was truncated`;
  return new StoreError("value_truncated", message, { database, txId, key: toHex(key) });
}
