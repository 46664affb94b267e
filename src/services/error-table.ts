// How every typed error of the rooms below leaves the server: gRPC code, text and details as existing clients match on
// them. One row per code; a code without a row does not compile. Texts that sound odd are the wire's (prefixes, doubled
// words): clients compare them.
//
// Details: an error that has an immudb code (`info`, five characters, SQLSTATE style) carries ErrorInfo{code, cause}
// and RetryInfo{}; any other carries none. Business errors are mostly code 2 (unknown), as clients expect.

import { Code } from "@connectrpc/connect";
import { AuthError } from "../auth/errors.ts";
import { utf8ToString } from "../base/bytes.ts";
import { FAILURE_TEXT_BYTES_MAX } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { DatabaseError, type DatabaseErrorCode } from "../database/errors.ts";
import { ProofError, type ProofErrorCode } from "../proof/errors.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import { WireError, type WireErrorCode } from "../wire/errors.ts";
import { AUTH } from "./auth-error-rows.ts";
import { type Data, illegal, internal, type Row, unknown } from "./error-row.ts";
import { ServiceError, type ServiceErrorCode } from "./errors.ts";

const ILLEGAL_ARGUMENTS = illegal("illegal arguments");
const ILLEGAL_STATE = illegal("illegal state");

const INVALID_PRECONDITION: Readonly<Record<string, string>> = {
  null: "invalid precondition: null",
  null_key: "invalid precondition: null key",
  invalid_tx: "invalid precondition: invalid precondition: invalid transaction ID",
};

const STORE: Readonly<Record<StoreErrorCode, Row>> = {
  key_not_found: unknown("tbtree: key not found"),
  key_expired: unknown("tbtree: key not found: expired entry"),
  tx_not_found: unknown("tx not found"),
  revision_not_found: unknown("invalid key revision number"),
  no_more_entries: unknown("tbtree: no more entries"),
  no_entries: unknown("no entries provided"),
  empty_key: ILLEGAL_ARGUMENTS,
  duplicate_key: illegal("duplicated keys are not supported in single batch transaction"),
  key_too_long: unknown("max key length exceeded"),
  value_too_long: unknown("max value length exceeded"),
  too_many_entries: unknown("max number of entries per tx exceeded"),
  precondition_failed: {
    code: Code.FailedPrecondition,
    text: (data) => `precondition failed: ${data["precondition"]}`,
    info: "23000",
  },
  precondition_invalid: unknown((data) => INVALID_PRECONDITION[String(data["reason"])] ?? "invalid precondition"),
  state_changed: {
    code: Code.Aborted,
    text: "the keys involved change too often: try again",
  },
  metadata_unsupported: illegal("metadata is not supported by transactions of this version"),
  foreign_tx_refused: illegal((_data, message) => message),
  foreign_tx_ahead: { code: Code.FailedPrecondition, text: (_data, message) => message },
  tx_diverged: {
    code: Code.FailedPrecondition,
    text: ({ txId }) => `two histories: another transaction ${txId} is here`,
    alarming: true,
  },
  tx_discarded: {
    code: Code.Aborted,
    text: ({ txId }) => `transaction ${txId} was taken back before it was committed`,
  },
  unacknowledged: { code: Code.Unavailable, text: (_data, message) => message },
  value_truncated: unknown("value has been truncated"),
  damaged: { code: Code.DataLoss, text: (_data, message) => message, alarming: true },
  closed: unknown("already closed"),
  locked: { code: Code.FailedPrecondition, text: "the database is open in another process", alarming: true },
  read_only: { code: Code.FailedPrecondition, text: "the database is read-only", alarming: true },
  disk_low: { code: Code.ResourceExhausted, text: (_data, message) => message },
  outcome_unknown: unknown("it is not known whether the transaction was stored: read it back before repeating it"),
  write_failed: { code: Code.Unavailable, text: "the transaction could not be stored", alarming: true },
  format_unsupported: {
    code: Code.FailedPrecondition,
    text: "the database was written in a format that this server does not read",
    alarming: true,
  },
  overloaded: {
    code: Code.ResourceExhausted,
    text: (data) => `too much is waiting to be stored: the limit is ${data["limit"]} (${data["setting"]})`,
  },
  index_behind: { code: Code.Unavailable, text: "the index cannot be written now: try again" },
  compaction_early: unknown("tbtree: compaction threshold not yet reached"),
  compaction_running: unknown("tbtree: compaction already in progress"),
  illegal_arguments: ILLEGAL_ARGUMENTS,
  illegal_state: ILLEGAL_STATE,
};

const DATABASE: Readonly<Record<DatabaseErrorCode, Row>> = {
  database_not_found: unknown("database does not exist"),
  database_not_found_named: {
    code: Code.NotFound,
    text: (data) => `'${data["name"]}' does not exist`,
    info: "3F000",
  },
  database_not_found_opening: unknown((data) => `database does not exist: while opening database '${data["name"]}'`),
  database_exists: unknown("database already exists"),
  database_reserved: internal("database is reserved"),
  database_unloaded: unknown("already closed"),
  // Logged when it happens, not with every call that meets it.
  database_quarantined: {
    code: Code.FailedPrecondition,
    text: ({ name, reason }) =>
      `database '${name}' is out of service: ${reason}. Restore it from a backup, or see what is left with ` +
      `'immudb verify --dir'; LoadDatabase tries to open it again`,
  },
  database_unavailable: { code: Code.Unavailable, text: "the database cannot be opened now: try again" },
  databases_busy: {
    code: Code.ResourceExhausted,
    text: ({ limit, setting }) => `all databases that may be open at once are busy: the limit is ${limit} (${setting})`,
  },
  database_loaded: internal("database already loaded"),
  database_open: unknown("cannot delete an open database"),
  catalog_unwritable: {
    code: Code.Unavailable,
    text: "the catalog of databases cannot be written: whether the change was made shows when the server is started again",
    alarming: true,
  },
  stored_unproven: {
    code: Code.Unknown,
    text: ({ txId }) => `the transaction is stored as ${txId}, and its proof cannot be given now: do not repeat it`,
    alarming: true,
  },
  name_length: unknown("database name length outside of limits"),
  name_punctuation: unknown("punctuation marks and symbols are not allowed in database name"),
  name_character: unknown("unrecognized character in database name"),
  illegal_arguments: ILLEGAL_ARGUMENTS,
  illegal_argument: illegal((data) => `illegal arguments: ${data["text"]}`),
  illegal_state: ILLEGAL_STATE,
  prove_since_future: unknown(
    (data) => `illegal state: latest txID=${data["latest"]} is lower than specified as initial tx=${data["since"]}`,
  ),
  since_future: unknown("illegal arguments: SinceTx must not be greater than the current transaction ID"),
  at_tx_with_since: unknown("illegal arguments: SinceTx should not be specified when AtTx is used"),
  at_tx_with_revision: unknown("illegal arguments: AtRevision should not be specified when AtTx is used"),
  empty_key: unknown("illegal arguments: empty key"),
  empty_request: unknown("illegal arguments: empty request"),
  history_limit_negative: unknown("tbtree: illegal arguments"),
  result_limit: unknown(
    ({ limit, max }) =>
      `result size limit exceeded: the specified limit (${limit}) is larger than the maximum allowed one (${max})`,
  ),
  setting_invalid: illegal(
    (data) =>
      `rpc error: code = InvalidArgument desc = illegal arguments: illegal arguments: invalid options: invalid ${data["setting"]}`,
  ),
  replica_read_only: unknown("database is read-only because it's a replica"),
  not_a_replica: internal("database is not a replica"),
  no_new_transactions: unknown("no new transactions"),
  replica_commit_diverged: unknown("replica commit state diverged from primary"),
  replica_precommit_diverged: unknown("replica precommit state diverged from primary"),
  replicas_max: { code: Code.ResourceExhausted, text: ({ limit }) => `more than ${limit} replicas` },
  retention_period_short: illegal(
    (data) =>
      `rpc error: code = InvalidArgument desc = illegal arguments: invalid retention period for database '${data["database"]}'. RetentionPeriod should at least '24h0m0s' hours`,
  ),
  setting_fixed: illegal(
    ({ setting, database }) =>
      `rpc error: code = InvalidArgument desc = illegal arguments: ${setting} can not be changed after database creation ('${database}')`,
  ),
  retention_not_reached: unknown("retention period has not been reached"),
  cleanup_percentage: unknown("tbtree: illegal arguments: invalid cleanupPercentage"),
  reference_to_reference: unknown("referenced key cannot be a reference"),
  reference_chain: unknown("a reference leads to a reference, which is not followed"),
  value_to_reference: unknown("final key cannot be converted into a reference"),
  values_too_long: {
    code: Code.FailedPrecondition,
    text: "max transaction values length exceeded",
    info: "22000",
  },
  batch_empty: illegal("empty set"),
  operation_missing: illegal("operation is not set"),
  batch_duplicate_key: illegal(
    ({ key }) =>
      "rpc error: code = InvalidArgument desc = duplicated keys are not supported in single batch transaction: " +
      `key/reference '${utf8ToString(key as Uint8Array)}'`,
  ),
  batch_duplicate_member: illegal(
    "duplicated index inside zAdd insertions are not supported in single batch transaction",
  ),
};

// A proof that the server itself builds or reads fails only when what is stored is not what was written.
const UNPROVEN: Row = { code: Code.DataLoss, text: "stored data does not prove itself", alarming: true };

const PROOF: Readonly<Record<ProofErrorCode, Row>> = {
  digest_malformed: UNPROVEN,
  kv_metadata_malformed: UNPROVEN,
  tx_metadata_malformed: UNPROVEN,
  store_key_malformed: UNPROVEN,
  store_value_malformed: UNPROVEN,
  tx_header_malformed: UNPROVEN,
  record_malformed: UNPROVEN,
  exported_tx_malformed: UNPROVEN,
  public_key_malformed: UNPROVEN,
  version_unsupported: illegal("transactions of this version are not supported"),
  metadata_unsupported: STORE.metadata_unsupported,
  entry_missing: UNPROVEN,
  entry_digest: UNPROVEN,
  entry_count: UNPROVEN,
  entry_value: UNPROVEN,
  entry_tx: UNPROVEN,
  entry_metadata: UNPROVEN,
  entries_inclusion: UNPROVEN,
  entries_root: UNPROVEN,
  tx_id: UNPROVEN,
  tx_not_new: UNPROVEN,
  tx_header: UNPROVEN,
  history_inclusion: UNPROVEN,
  history_consistency: UNPROVEN,
  history_last_inclusion: UNPROVEN,
  linear_proof: UNPROVEN,
  linear_advance_proof: UNPROVEN,
  dual_proof_tx_ids: UNPROVEN,
  source_alh: UNPROVEN,
  target_alh: UNPROVEN,
  binary_linking: UNPROVEN,
  unused_part: UNPROVEN,
  signature_missing: UNPROVEN,
  signature_invalid: UNPROVEN,
  state_database: UNPROVEN,
  state_rolled_back: UNPROVEN,
};

// A request with a part that nothing here would heed is refused: its sender believes that it counts.
const UNREADABLE = illegal((_data, message) => `illegal arguments: ${message}`);

const WIRE: Readonly<Record<WireErrorCode, Row>> = {
  part_missing: UNREADABLE,
  digest_length: UNREADABLE,
  number_out_of_range: UNREADABLE,
  field_unknown: UNREADABLE,
  stream_truncated: illegal("the stream ends inside a message"),
  not_representable: { code: Code.Internal, text: "the answer has no form on the wire", alarming: true },
};

const SERVICE: Readonly<Record<ServiceErrorCode, Row>> = {
  unimplemented: {
    code: Code.Unimplemented,
    text: (data) => `${data["method"]} is not implemented by this server yet`,
  },
  stream_reference: { code: Code.Unimplemented, text: "reference operation is not implemented", info: "42883" },
  stream_value_empty: unknown("a streamed batch cannot hold an empty value: ExecAll can"),
  stream_empty: unknown("EOF"),
  tx_already_committed: unknown("tx already committed"),
  exported_tx_too_long: {
    code: Code.ResourceExhausted,
    text: ({ limit }) => `an exported transaction has at most ${limit} bytes`,
  },
  exported_tx_not_alone: illegal("illegal arguments: something follows the exported transaction"),
  replication_busy: {
    code: Code.ResourceExhausted,
    text: ({ limit }) => `transactions of ${limit} bytes are being replicated already: try again`,
  },
  verifications_running: {
    code: Code.ResourceExhausted,
    text: (data) => `${data["limit"]} verifications are running already: try again when one has ended`,
  },
  audit_full: {
    code: Code.ResourceExhausted,
    text: (_data, message) => message,
  },
};

/**
 * A failed call as it is answered; every door turns it into its own protocol. A text that is longer than any peer takes in a
 * header, because it repeats a name from the request, is cut; half a character, which no protocol carries, is replaced.
 */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  readonly code: Code;
  /** The immudb code of the details; undefined: no details. */
  readonly info: string | undefined;
  /** What the details give as the cause: the text, unless told otherwise. */
  readonly causeText: string;

  constructor(code: Code, text: string, info?: string, causeText?: string) {
    super(shortened(text.toWellFormed()));
    this.code = code;
    this.info = info;
    this.causeText = causeText ?? this.message;
  }
}

const encoder = new TextEncoder();

function shortened(text: string): string {
  // A character has three bytes at most for each unit of the text.
  if (text.length * 3 <= FAILURE_TEXT_BYTES_MAX) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(FAILURE_TEXT_BYTES_MAX));
  return read === text.length ? text : `${text.slice(0, read)}…`;
}

/**
 * Runs a streamed write. Of what clients of the original know with this lead in its text it gets the lead, and code "unknown":
 * what is wrong with the request. Everything else stays as it is.
 */
export async function withLead<T>(lead: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const row = rowOf(error);
    const isRequests = error instanceof StoreError || error instanceof DatabaseError;
    if (!isRequests || row === undefined || (row.code !== Code.Unknown && row.code !== Code.InvalidArgument))
      throw error;
    // The one text that brings its code with it where it is quoted.
    const quoted = error.code === "duplicate_key" ? "rpc error: code = InvalidArgument desc = " : "";
    throw new CallFailure(Code.Unknown, `${lead}${quoted}${textOf(row, error)}`);
  }
}

function textOf({ text }: Row, error: { readonly message: string; readonly data: Data }): string {
  return typeof text === "string" ? text : text(error.data, error.message);
}

/** Logs what an operator must see and returns what the caller may see. `method` names the call in the log. */
export function failureOf(error: unknown, method: string, logger: Logger): CallFailure {
  // Said by who read the requests of a stream.
  if (error instanceof CallFailure) return error;
  const row = rowOf(error);
  if (row === undefined) {
    const traceId = crypto.randomUUID();
    logger.error({ method, traceId, err: error }, "a call failed unexpectedly");
    return new CallFailure(Code.Internal, `internal error, see the server's log for trace id ${traceId}`);
  }
  const known = error as Error & { readonly code: string; readonly data: Data };
  if (row.alarming) logger.error({ method, code: known.code, ...known.data, err: known }, known.message);
  return new CallFailure(
    row.code,
    typeof row.text === "string" ? row.text : row.text(known.data, known.message),
    row.info,
    row.cause,
  );
}

function rowOf(error: unknown): Row | undefined {
  if (error instanceof StoreError) return STORE[error.code];
  if (error instanceof DatabaseError) return DATABASE[error.code];
  if (error instanceof AuthError) return AUTH[error.code];
  if (error instanceof ProofError) return PROOF[error.code];
  if (error instanceof WireError) return WIRE[error.code];
  if (error instanceof ServiceError) return SERVICE[error.code];
  return undefined;
}
