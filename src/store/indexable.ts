// What the index needs of a transaction: its entries but the non-indexable ones, each with its key as text, which is how the
// overlay finds it and the indexer puts it in order.

import type { TxEntry } from "../proof/model.ts";
import { keyToText, type OverlayVersion } from "./overlay.ts";
import type { TxLog } from "./tx-log.ts";

/** One version of a key. */
export interface IndexableVersion extends OverlayVersion {
  readonly key: Uint8Array;
  /** The key as the overlay writes it. */
  readonly text: string;
}

/** A transaction as overlay and index see it. */
export interface IndexableTx {
  readonly txId: bigint;
  readonly alh: Uint8Array;
  /** How many entries it has, non-indexable ones included. */
  readonly nentries: number;
  readonly versions: readonly IndexableVersion[];
}

/** What the index needs of a transaction. `texts`: the keys of its entries as text. */
export function indexable(
  txId: bigint,
  alh: Uint8Array,
  entries: readonly TxEntry[],
  texts: readonly string[] = keyTexts(entries),
): IndexableTx {
  const versions: IndexableVersion[] = [];
  for (let entry = 0; entry < entries.length; entry++) {
    const { key, metadata } = entries[entry] as TxEntry;
    if (metadata?.nonIndexable) continue;
    versions.push({ key, text: texts[entry] as string, txId, entry, metadata });
  }
  return { txId, alh, nentries: entries.length, versions };
}

/** The same of a stored transaction. */
export function indexableFromLog(log: TxLog, txId: bigint): IndexableTx {
  const record = log.record(txId);
  return indexable(txId, record.alh, log.entries(txId, record));
}

/** The keys of entries as text, in order. */
export function keyTexts(entries: readonly { readonly key: Uint8Array }[]): string[] {
  return entries.map(({ key }) => keyToText(key));
}
