import { RoomError } from "../base/errors.ts";

export type StoreErrorCode =
  /** The key has no value at the point that was asked for (never set, deleted, or not part of that transaction). */
  | "key_not_found"
  /** The key has a value, and it has expired. */
  | "key_expired"
  | "tx_not_found"
  | "revision_not_found"
  /** History was asked to start exactly one past its end. */
  | "no_more_entries"
  | "no_entries"
  | "empty_key"
  | "duplicate_key"
  /** `data.limit` names the bound, `data.setting` what changes it. */
  | "key_too_long"
  | "value_too_long"
  | "too_many_entries"
  /** `data.precondition`: "KeyMustExist" | "KeyMustNotExist" | "KeyNotModifiedAfterTxID". */
  | "precondition_failed"
  /** `data.reason`: "null" | "null_key" | "invalid_tx". */
  | "precondition_invalid"
  /** A key has changed since the state that the write was made for: look again, and repeat it. */
  | "state_changed"
  | "metadata_unsupported"
  /** A transaction from elsewhere that cannot become part of this history. `data.txId`, `data.check`: which check it fails. */
  | "foreign_tx_refused"
  /** A transaction from elsewhere, and those before it are not here. `data.txId`, `data.expected`: the next one. */
  | "foreign_tx_ahead"
  /** Another transaction with this id is here: two histories. `data.txId`. */
  | "tx_diverged"
  /** The transaction was taken back before it was committed. `data.txId`. */
  | "tx_discarded"
  /** The transaction is stored, and too few replicas have said that they have it. `data.txId`. */
  | "unacknowledged"
  /** The value was removed by truncation; its digest and the proofs stay. `data.txId`. */
  | "value_truncated"
  /** The stored bytes do not match their digest. `data`: database, txId, what was being read; never the bytes. */
  | "damaged"
  | "closed"
  | "locked"
  | "read_only"
  /** Too little free space: `data.setting`, `data.limit` and `data.freeBytes` (bytes). */
  | "disk_low"
  /** The write may or may not be on disk: reopening the log failed. */
  | "outcome_unknown"
  /** The write is definitely not on disk. */
  | "write_failed"
  | "format_unsupported"
  /** A queue or buffer is full: `data.limit`, `data.setting`. */
  | "overloaded"
  /** The index cannot be brought up to the log now: it is being checked, or could not be written. */
  | "index_behind"
  /** Too little was flushed since the index was last written anew. `data.limit`, `data.setting`. */
  | "compaction_early"
  | "compaction_running"
  | "illegal_arguments"
  | "illegal_state";

/** What the ledger of one database can answer instead of a result. */
export class StoreError extends RoomError<StoreErrorCode> {
  override readonly name = "StoreError";
}
