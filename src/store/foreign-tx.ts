// A transaction that was made elsewhere, checked for itself: its entries hash to what its header says, and this ledger can
// keep it. Whether it continues this ledger's history is for the chain to say.

import { EMPTY, equalBytes } from "../base/bytes.ts";
import { EntriesTree } from "../proof/entries-tree.ts";
import { ProofError } from "../proof/errors.ts";
import { decodeExportedTx } from "../proof/exported-tx.ts";
import { decodeSortedSetKey, KEY_PREFIX_DOCUMENT, KEY_PREFIX_SORTED_SET } from "../proof/keys.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import { encodeTxHeaderRecord } from "../proof/record.ts";
import { alh } from "../proof/tx-header.ts";
import { provenDigest } from "../proof/verify-tx.ts";
import { attributesOf } from "./attributes.ts";
import { StoreError } from "./errors.ts";
import { keyTexts } from "./indexable.ts";
import { TREE_LEVEL_MIN } from "./layout.ts";
import {
  contentBytes,
  requireDistinct,
  requireEntryCount,
  requireEntryLengths,
  type StoreSettings,
} from "./tx-limits.ts";

export class ForeignTx {
  /** With the root of the entries that came. */
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  /** Upper nodes of the entries tree. */
  readonly tree: readonly Uint8Array[];
  readonly entries: readonly TxEntry[];
  /** Empty where they did not come. */
  readonly values: readonly Uint8Array[];
  readonly withheld: boolean;
  /** The keys as text. */
  readonly texts: readonly string[];
  /** Bytes of all keys and values. */
  readonly bytes: number;

  /**
   * From the blob of an exported transaction. `trusted`: the root in the header is taken to be that of the entries, without a look (it may be missing). What the header then
   * says is what the entries say; whoever lied is found out by the next transaction. Throws `foreign_tx_refused`,
   * `duplicate_key`, `too_many_entries`, `key_too_long`, `value_too_long`.
   */
  constructor(blob: Uint8Array, settings: StoreSettings, trusted: boolean) {
    const { header, entries, truncated } = unlessRefused(undefined, () => decodeExportedTx(blob));
    const { id, version } = header;
    requireEntryCount(entries.length, settings);
    this.values = entries.map(({ value = EMPTY }) => value);
    this.entries = entries.map(({ key, metadata, hValue, value = EMPTY }) => {
      requireEntryLengths(key, value.length, settings);
      return { key, metadata: attributesOf(metadata), hValue, vLen: value.length };
    });
    this.texts = keyTexts(this.entries);
    requireDistinct(this.texts);
    const tree = unlessRefused(id, () => {
      for (const { key } of this.entries) checkKey(key);
      // What its record cannot say would come back as another transaction.
      encodeTxHeaderRecord(header);
      return new EntriesTree(this.entries.map((entry) => provenDigest(entry, version)));
    });
    if (!trusted && !equalBytes(tree.root, header.eh))
      throw refused(id, "entries_root", "its entries are not those that its header says");
    this.header = { ...header, eh: tree.root };
    this.alh = alh(this.header);
    this.tree = tree.upperNodes(TREE_LEVEL_MIN);
    this.withheld = truncated;
    this.bytes = contentBytes(this.entries, this.values);
  }
}

/** Keys that nothing here could ever read are taken for what they are: another program's, or nonsense. */
function checkKey(key: Uint8Array): void {
  const prefix = key[0] as number;
  if (prefix > KEY_PREFIX_DOCUMENT) throw new ProofError("store_key_malformed", "a key is of no known kind");
  if (prefix === KEY_PREFIX_SORTED_SET) decodeSortedSetKey(key);
}

function unlessRefused<T>(txId: bigint | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProofError) throw refused(txId, error.code, error.message, error);
    throw error;
  }
}

/** A transaction from elsewhere that fails a check. `txId`: undefined when it cannot be read. */
export function refused(txId: bigint | undefined, check: string, why: string, cause?: unknown): StoreError {
  const which = txId === undefined ? "the exported transaction" : `transaction ${txId}`;
  return new StoreError("foreign_tx_refused", `${which} is refused: ${why}`, { txId, check }, cause);
}
