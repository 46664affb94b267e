// A transaction as it leaves: checked for itself, its values read one by one, when they are asked for.

import { equalBytes } from "../base/bytes.ts";
import { entriesRoot } from "../proof/entries-tree.ts";
import type { TxToExport } from "../proof/exported-tx.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import { provenDigest } from "../proof/verify-tx.ts";
import { StoreError } from "./errors.ts";
import type { TxLog } from "./tx-log.ts";

/**
 * What encodeExportedTx() needs of a stored transaction. `unchecked`: the root of its entries is neither compared nor said. One
 * whose values are gone is exported as truncated; that goes for all its values, since an empty one is in its hash. Throws
 * `tx_not_found`, `damaged`; reading a value throws `damaged`, or `value_truncated` for one that was truncated meanwhile.
 */
export function txToExport(log: TxLog, txId: bigint, unchecked: boolean): TxToExport {
  const { header } = log.checkedRecord(txId);
  const stored = log.storedEntries(txId, log.record(txId));
  const entries = stored.map(({ entry }) => entry);
  if (!unchecked && !equalBytes(entriesRoot(entries.map((entry) => provenDigest(entry, header.version))), header.eh)) {
    const message = `data is damaged: the entries of transaction ${txId} are not what was written`;
    throw new StoreError("damaged", message, { txId, what: "entries" });
  }
  const isBefore = txId < log.truncatedBefore;
  const truncated = stored.some(({ entry, at }) => at.place === "withheld" || (isBefore && entry.vLen > 0));
  return {
    header: unchecked ? { ...header, eh: ZERO_DIGEST } : header,
    entries,
    truncated,
    storeValue: (index) => log.value(txId, index),
  };
}
