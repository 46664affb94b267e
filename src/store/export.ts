// A transaction as it leaves: checked for itself, its values read one by one, when they are asked for, and long ones by pieces:
// all of them are compared with their digests before any of the transaction is sent (value-reader.ts).

import { equalBytes } from "../base/bytes.ts";
import { entriesRoot } from "../proof/entries-tree.ts";
import type { TxToExport } from "../proof/exported-tx.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import { provenDigest } from "../proof/verify-tx.ts";
import { StoreError } from "./errors.ts";
import { VALUE_PIECE_BYTES_MAX } from "./layout.ts";
import type { TxLog } from "./tx-log.ts";
import type { ValueSource } from "./value-reader.ts";

/** A transaction that can be encoded when its long values were checked. */
export interface StoredExport extends TxToExport {
  /** Throws `damaged`, `value_truncated`, and what the signal aborts with. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/**
 * What encodeExportedTx() needs of a stored transaction. `unchecked`: the root of its entries is neither compared nor said. One
 * whose values are gone is exported as truncated; that goes for all its values, since an empty one is in its hash. Throws
 * `tx_not_found`, `damaged`; reading a value throws `damaged`, or `value_truncated` for one that was truncated meanwhile.
 */
export function txToExport(log: TxLog, txId: bigint, unchecked: boolean): StoredExport {
  const { header } = log.checkedRecord(txId);
  const stored = log.storedEntries(txId, log.record(txId));
  const entries = stored.map(({ entry }) => entry);
  if (!unchecked && !equalBytes(entriesRoot(entries.map((entry) => provenDigest(entry, header.version))), header.eh)) {
    const message = `data is damaged: the entries of transaction ${txId} are not what was written`;
    throw new StoreError("damaged", message, { txId, what: "entries" });
  }
  const isBefore = txId < log.truncatedBefore;
  const truncated = stored.some(({ entry, at }) => at.place === "withheld" || (isBefore && entry.vLen > 0));
  const long = new Map<number, ValueSource>();
  entries.forEach(({ key, vLen }, index) => {
    if (!truncated && vLen > VALUE_PIECE_BYTES_MAX) long.set(index, log.valueSource(txId, index, key));
  });
  return {
    header: unchecked ? { ...header, eh: ZERO_DIGEST } : header,
    entries,
    truncated,
    storeValue: (index) => long.get(index)?.pieces() ?? [log.value(txId, index)],
    check: async (signal) => {
      for (const source of long.values()) await source.check(signal);
    },
  };
}
