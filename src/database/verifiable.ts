// Answers that carry their proof: the transaction, its place in the history (dual proof), and for a value its place in the
// transaction (inclusion proof). The signature is added by whoever holds the key.
//
// Which headers a dual proof joins (p = the transaction the client trusts, v = the one proven):
//   p = 0  v and v        p <= v  p and v        p > v  v and p

import { buildDualProof } from "../proof/dual.ts";
import { plainKey } from "../proof/keys.ts";
import type { DualProof, Entry, TxHeader, VerifiableEntry, VerifiableTx } from "../proof/model.ts";
import type { EntryList } from "../store/entry-list.ts";
import type { Store } from "../store/store.ts";
import { DatabaseError } from "./errors.ts";
import { committedTx, listedTx } from "./transactions.ts";

/** Up to here an entry is found by its key as fast as by the index. */
const SEARCHED_ENTRIES_MAX = 64;

/** Throws `illegal_state`: a proof cannot start from a transaction that does not exist yet. */
export function requireProvable(store: Store, proveSinceTx: bigint): void {
  if (proveSinceTx > store.committed.txId)
    throw new DatabaseError("illegal_state", "the proof would start after the last transaction");
}

/** A committed transaction with all its entries, and its proof since `proveSinceTx`. */
export function verifiableTx(store: Store, txId: bigint, proveSinceTx: bigint): VerifiableTx {
  const { header, list } = committedTx(store, txId);
  return proven(store, header, list, proveSinceTx);
}

/** The proof for an entry that was read under `key` (the requested one, which may be a reference). */
export function verifiableEntry(store: Store, key: Uint8Array, entry: Entry, proveSinceTx: bigint): VerifiableEntry {
  const txId = entry.referencedBy?.tx ?? entry.tx;
  const { header, list } = committedTx(store, txId);
  const storeKey = plainKey(key);
  // Among many entries the index knows the place of the latest version.
  const latest = header.nentries > SEARCHED_ENTRIES_MAX ? store.latest(storeKey) : undefined;
  const inclusionProof = store.log.inclusionProof(txId, list, storeKey, latest?.entry);
  return { entry, verifiableTx: proven(store, header, list, proveSinceTx), inclusionProof };
}

function proven(store: Store, header: TxHeader, list: EntryList, proveSinceTx: bigint): VerifiableTx {
  return { tx: listedTx(header, list), dualProof: dualProof(store, header, proveSinceTx), signature: undefined };
}

/** The proof between a committed header and `proveSinceTx`. */
export function dualProof(store: Store, proven: TxHeader, proveSinceTx: bigint): DualProof {
  if (proveSinceTx === 0n || proveSinceTx === proven.id) return buildDualProof(proven, proven, store.log);
  const other = store.log.header(proveSinceTx);
  return other.id < proven.id ? buildDualProof(other, proven, store.log) : buildDualProof(proven, other, store.log);
}
