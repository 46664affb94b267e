import { RoomError } from "../base/errors.ts";
import { exportRefusalOf } from "../client/replication.ts";
import { StoreError } from "../store/errors.ts";

export type ReplicationErrorCode =
  /** A committed transaction of the replica is not what the primary has. `data.txId`. Nothing but a new replica helps. */
  | "commit_diverged"
  /** A transaction that is written here and not committed is not what the primary has. `data.txId`. It may be dropped. */
  | "precommit_diverged"
  /** What was copied has another hash than the source says. `data.txId`. */
  | "copy_differs";

/** Two databases that should be one history and are not. */
export class ReplicationError extends RoomError<ReplicationErrorCode> {
  override readonly name = "ReplicationError";
}

/** Checks of a transaction that fail when it continues another history than the one that is here. */
const OF_HISTORY: readonly unknown[] = ["prev_alh", "bl_root"];

/**
 * The divergence that an error tells of, whoever found it; undefined when it tells of something else. `hasTail`: whether
 * there are transactions here that are not committed: the next one then fails to continue those.
 */
export function divergenceOf(error: unknown, hasTail: boolean): ReplicationError | undefined {
  if (error instanceof ReplicationError) return error;
  const refusal = exportRefusalOf(error);
  if (refusal === "commit_diverged" || refusal === "precommit_diverged") {
    return new ReplicationError(refusal, (error as Error).message, {}, error);
  }
  if (!(error instanceof StoreError && isOfHistory(error))) return undefined;
  const code = hasTail ? "precommit_diverged" : "commit_diverged";
  return new ReplicationError(
    code,
    `the primary's next transaction does not continue this database: ${error.message}`,
    error.data,
    error,
  );
}

function isOfHistory({ code, data }: StoreError): boolean {
  return code === "tx_diverged" || (code === "foreign_tx_refused" && OF_HISTORY.includes(data["check"]));
}
