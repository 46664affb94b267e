import { RoomError } from "../base/errors.ts";

export type DatabaseErrorCode =
  /** `data.name`; `data.deleted`: whether it existed once. */
  | "database_not_found"
  /** `data.name`: the database that UseDatabase asked for. */
  | "database_not_found_named"
  /** `data.name`: the database that LoadDatabase asked for. */
  | "database_not_found_opening"
  | "database_exists"
  | "database_reserved"
  | "database_unloaded"
  /** It cannot be opened until somebody does something about it. `data.name`, `data.reason`. */
  | "database_quarantined"
  /** It could not be opened this time; the next call tries again. `data.name`. */
  | "database_unavailable"
  /** As many databases as may be open have calls under way. `data.limit`, `data.setting`. */
  | "databases_busy"
  | "database_loaded"
  /** Deletion of a loaded database. */
  | "database_open"
  /** Whether a database was created or deleted is not known: the next start tells. */
  | "catalog_unwritable"
  /** `data.txId`: the transaction, which is stored. */
  | "stored_unproven"
  | "name_length"
  | "name_punctuation"
  | "name_character"
  | "illegal_arguments"
  /** `data.text`: which argument and why. */
  | "illegal_argument"
  /** A proof was asked for since a transaction that does not exist yet. */
  | "illegal_state"
  /** `data.latest`, `data.since`. */
  | "prove_since_future"
  | "since_future"
  | "at_tx_with_since"
  | "at_tx_with_revision"
  | "empty_key"
  | "empty_request"
  | "history_limit_negative"
  /** `data.limit`, `data.max`. */
  | "result_limit"
  /** `data.setting`: the database setting whose value is out of range. */
  | "setting_invalid"
  /** A write to a database that follows a primary. */
  | "replica_read_only"
  /** A transaction for a database that follows no primary. */
  | "not_a_replica"
  /** `data.tx`: the transaction that was to be exported. */
  | "no_new_transactions"
  /** What a replica has committed is not part of this history: `data.uuid`, `data.txId`, `data.latest` (here). */
  | "replica_commit_diverged"
  /** The same of what it has precommitted. */
  | "replica_precommit_diverged"
  /** `data.limit`. */
  | "replicas_max"
  /** `data.setting`: in words, one that keeps the value that the database was made with. `data.database`. */
  | "setting_fixed"
  /** `data.database`, `data.limit` (milliseconds). */
  | "retention_period_short"
  /** Nothing is as old as what was to be removed. */
  | "retention_not_reached"
  /** Not from 0 to 100. */
  | "cleanup_percentage"
  | "reference_to_reference"
  /** A reference leads to a key that has become a reference since. */
  | "reference_chain"
  /** A key that holds a value was to become a reference. */
  | "value_to_reference"
  | "batch_empty"
  /** A step of a batch says nothing to do. */
  | "operation_missing"
  /** All values of a streamed transaction together: `data.limit`. */
  | "values_too_long"
  /** `data.key`: bytes. */
  | "batch_duplicate_key"
  | "batch_duplicate_member";

/** What an operation on a database means when it cannot be done. */
export class DatabaseError extends RoomError<DatabaseErrorCode> {
  override readonly name = "DatabaseError";
}
