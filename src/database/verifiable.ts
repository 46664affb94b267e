// Answers that carry their proof: the transaction, its place in the history (dual proof), and for a value its place in the
// transaction (inclusion proof). The signature is added by whoever holds the key.
//
// Which headers a dual proof joins (p = the transaction the client trusts, v = the one proven):
//   p = 0  v and v        p <= v  p and v        p > v  v and p

import { buildDualProof } from "../proof/dual.ts";
import { plainKey } from "../proof/keys.ts";
import type { DualProof, Entry, Tx, TxHeader, VerifiableEntry, VerifiableTx } from "../proof/model.ts";
import type { Store } from "../store/store.ts";
import { DatabaseError } from "./errors.ts";
import { committedRecord } from "./transactions.ts";

/** Throws `illegal_state`: a proof cannot start from a transaction that does not exist yet. */
export function requireProvable(store: Store, proveSinceTx: bigint): void {
  if (proveSinceTx > store.committed.txId)
    throw new DatabaseError("illegal_state", "the proof would start after the last transaction");
}

/** A committed transaction with all its entries, and its proof since `proveSinceTx`. */
export function verifiableTx(store: Store, txId: bigint, proveSinceTx: bigint): VerifiableTx {
  const record = committedRecord(store, txId);
  const tx: Tx = { header: record.header, entries: store.log.entries(txId, record) };
  return { tx, dualProof: dualProof(store, record.header, proveSinceTx), signature: undefined };
}

/** The proof for an entry that was read under `key` (the requested one, which may be a reference). */
export function verifiableEntry(store: Store, key: Uint8Array, entry: Entry, proveSinceTx: bigint): VerifiableEntry {
  const txId = entry.referencedBy?.tx ?? entry.tx;
  const record = committedRecord(store, txId);
  const leaf = store.log.indexOf(txId, record, plainKey(key));
  const inclusionProof = store.log.inclusionProof(txId, record, leaf);
  return { entry, verifiableTx: verifiableTx(store, txId, proveSinceTx), inclusionProof };
}

/** The proof between a committed header and `proveSinceTx`. */
export function dualProof(store: Store, proven: TxHeader, proveSinceTx: bigint): DualProof {
  if (proveSinceTx === 0n || proveSinceTx === proven.id) return buildDualProof(proven, proven, store.log);
  const other = committedRecord(store, proveSinceTx).header;
  return other.id < proven.id ? buildDualProof(other, proven, store.log) : buildDualProof(proven, other, store.log);
}
