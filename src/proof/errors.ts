import { RoomError } from "../base/errors.ts";

/** The check that failed. The first group refuses bytes, the second what a writer must not write, the third a claim. */
export type ProofErrorCode =
  // -- malformed: the bytes or the message cannot be what they claim to be --
  | "digest_malformed"
  | "kv_metadata_malformed"
  | "tx_metadata_malformed"
  | "store_key_malformed"
  | "store_value_malformed"
  | "tx_header_malformed"
  | "record_malformed"
  | "exported_tx_malformed"
  | "public_key_malformed"
  // -- not representable under this header version --
  | "version_unsupported"
  | "metadata_unsupported"
  // -- one transaction --
  | "entry_missing"
  | "entry_digest"
  | "entry_count"
  | "entry_value"
  | "entry_tx"
  | "entry_metadata"
  | "entries_inclusion"
  | "entries_root"
  | "tx_id"
  | "tx_not_new"
  | "tx_header"
  // -- between transactions --
  | "history_inclusion"
  | "history_consistency"
  | "history_last_inclusion"
  | "linear_proof"
  | "linear_advance_proof"
  | "dual_proof_tx_ids"
  | "source_alh"
  | "target_alh"
  | "binary_linking"
  | "unused_part"
  // -- the signed state --
  | "signature_missing"
  | "signature_invalid"
  | "state_database"
  | "state_rolled_back";

/** Outside data that does not prove what it claims. `code` names the check; `data` holds ids and positions, no stored bytes. */
export class ProofError extends RoomError<ProofErrorCode> {
  override readonly name = "ProofError";
}

/** Throws unless the check holds. */
export function check(
  holds: boolean,
  code: ProofErrorCode,
  message: string,
  data?: Readonly<Record<string, unknown>>,
): asserts holds {
  if (!holds) throw new ProofError(code, message, data);
}
