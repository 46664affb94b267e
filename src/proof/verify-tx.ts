// What a single transaction claims about its entries, checked against its own header.

import { EMPTY, equalBytes } from "../base/bytes.ts";
import { entriesRoot } from "./entries-tree.ts";
import { checkEntryVersion, entryDigest } from "./entry-digest.ts";
import { check } from "./errors.ts";
import type { Tx, TxEntry, TxHeader } from "./model.ts";
import { sha256 } from "./sha256.ts";
import { alh } from "./tx-header.ts";

/** An entry as the caller knows it must be. */
export type ExpectedEntry = Pick<TxEntry, "key" | "metadata" | "hValue">;

/**
 * Proves that the entries listed are all entries of the transaction, in order, and returns them. The header itself is not
 * proven by this. Throws `entry_count`, `entries_root`, and what `entryDigest` throws.
 */
export function verifyTxEntries(tx: Tx): readonly TxEntry[] {
  const { header, entries } = tx;
  const counts = { nentries: header.nentries, listed: entries.length };
  check(entries.length === header.nentries, "entry_count", "not all entries of the transaction are listed", counts);
  const root = entriesRoot(entries.map((entry) => provenDigest(entry, header.version)));
  check(equalBytes(root, header.eh), "entries_root", "the entries are not those of the transaction", {
    txId: header.id,
  });
  return entries;
}

/**
 * Proves that the transaction consists of exactly the expected entries, and returns them.
 * Throws `entry_count`, `entry_missing`, `entry_digest`, and as `verifyTxEntries`.
 */
export function verifyWrittenEntries(tx: Tx, expected: readonly ExpectedEntry[]): readonly TxEntry[] {
  const { id: txId, nentries, version } = tx.header;
  const counts = { nentries, expected: expected.length };
  check(nentries === expected.length, "entry_count", "the transaction has another number of entries", counts);
  const entries = verifyTxEntries(tx);
  for (const entry of expected) {
    const written = entries.find((candidate) => equalBytes(candidate.key, entry.key));
    check(written !== undefined, "entry_missing", "the transaction does not hold the entry", { txId });
    const same = equalBytes(provenDigest(written, version), provenDigest(entry, version));
    check(same, "entry_digest", "the transaction holds another value or other metadata", { txId });
  }
  return entries;
}

/** Proves that every listed value is the one whose hash is listed. Throws `entry_value`. */
export function verifyRawValues(entries: readonly TxEntry[]): readonly TxEntry[] {
  entries.forEach(({ value, hValue }, index) => {
    check(equalBytes(sha256(value ?? EMPTY), hValue), "entry_value", "a value does not have the hash listed for it", {
      index,
    });
  });
  return entries;
}

/** Proves that two headers say the same, and returns it. Throws `tx_header`. */
export function verifySameHeader(header: TxHeader, proven: TxHeader): TxHeader {
  const txId = header.id;
  check(equalBytes(alh(header), alh(proven)), "tx_header", "the transaction's header is not the proven one", { txId });
  return proven;
}

/** The digest of an entry that must be covered by it in full. */
export function provenDigest(entry: ExpectedEntry, version: number): Uint8Array {
  checkEntryVersion(entry, version);
  return entryDigest(entry, version);
}
