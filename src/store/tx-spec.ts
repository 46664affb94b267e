// What is asked to be written as one transaction.

import type { TxMetadata } from "../proof/model.ts";
import { attributesOf } from "./attributes.ts";
import type { EntrySpec } from "./chain.ts";
import { StoreError } from "./errors.ts";
import { requireEntryCount, requireEntryLengths, type StoreSettings } from "./tx-limits.ts";
import type { ValueSpool } from "./value-spool.ts";

/** What must hold of the state that a transaction builds on. Keys are store keys. */
export type Precondition =
  | { readonly kind: "key_must_exist" | "key_must_not_exist"; readonly key: Uint8Array }
  | { readonly kind: "key_not_modified_after_tx"; readonly key: Uint8Array; readonly txId: bigint }
  /** The key has a value now; otherwise the write answers as a read of it would (`key_not_found`, `key_expired`). */
  | { readonly kind: "key_readable"; readonly key: Uint8Array }
  /** The latest version of the key is the one of this transaction (0n: there is none), or `state_changed`. */
  | { readonly kind: "key_unchanged"; readonly key: Uint8Array; readonly txId: bigint };

export interface TxSpec {
  readonly entries: readonly EntrySpec[];
  /** The same entries, with the same lengths, where some say the id of their own transaction. */
  readonly entriesOfTx?: (txId: bigint) => readonly EntrySpec[];
  readonly preconditions: readonly Precondition[];
  readonly metadata: TxMetadata | undefined;
  /** Where those values are that are on disk already. Absent: there are none. */
  readonly spool?: ValueSpool | undefined;
}

/** Throws what keeps a transaction from being written whatever the state. */
export function checkSpec(spec: TxSpec, settings: StoreSettings): void {
  const { entries, metadata: txMetadata } = spec;
  if (txMetadata !== undefined && settings.writeTxHeaderVersion === 0) {
    throw new StoreError("metadata_unsupported", "transactions of header version 0 cannot carry metadata");
  }
  requireEntryCount(entries.length, settings);
  for (const { key, value, metadata } of entries) {
    requireEntryLengths(key, value.length, settings);
    if (settings.writeTxHeaderVersion === 0 && attributesOf(metadata) !== undefined) {
      throw new StoreError("metadata_unsupported", "entries of header version 0 cannot carry metadata");
    }
  }
}

/** Bytes of all keys and of the values that are still to be written. */
export function specBytes(spec: TxSpec): number {
  let bytes = 0;
  for (const { key, value } of spec.entries) bytes += key.length + (value instanceof Uint8Array ? value.length : 0);
  return bytes;
}
