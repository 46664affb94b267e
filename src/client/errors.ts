import { toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";

export type ClientErrorCode =
  /** Another process has been inside a verified operation on this database for too long. `data.lock`: its lock file. */
  | "state_locked"
  /** A file of trusted state is not one that we wrote. `data.file`. Never answered by trusting the server anew. */
  | "state_unreadable"
  /** The trusted state changed under a verified operation; nothing was stored. Run it again. */
  | "state_moved";

/** What the client itself cannot do. What the server refuses arrives as Connect's own `ConnectError`, text unchanged. */
export class ClientError extends RoomError<ClientErrorCode> {
  override readonly name = "ClientError";
}

/** Names of the checks that the client makes itself; all others are codes of `ProofError` and `WireError`. */
export type ClientCheck =
  /** The address answers with the uuid that was pinned to it at first contact (CVE-2022-39199). */
  | "server_identity"
  /** The server has not gone back behind the trusted transaction. */
  | "state_rolled_back"
  /** The state that the server offers is of the database in use. */
  | "state_database"
  /** The new state is not behind the trusted one. */
  | "state_forward";

/** A transaction and the hash that stands for all history up to it. */
export interface TxPoint {
  readonly txId: bigint;
  readonly txHash: Uint8Array;
}

/** Everything a person needs to judge a failed check. */
export interface FailedCheck {
  /** Name of the check: a code of `ProofError` or `WireError`, or a `ClientCheck`. */
  readonly check: string;
  /** One sentence: what was found wrong. */
  readonly reason: string;
  readonly server: string;
  readonly database: string;
  /** Undefined at first contact, when nothing was trusted yet. */
  readonly trusted: TxPoint | undefined;
  /** Where the server's answer would have led; undefined when the answer does not say. */
  readonly offered: TxPoint | undefined;
  /** What to do next; there is a sensible default. */
  readonly next?: string | undefined;
}

/** An answer of the server that does not verify. The trusted state has not moved. */
export class VerificationError extends RoomError<string> {
  override readonly name = "VerificationError";
  readonly reason: string;
  readonly server: string;
  readonly database: string;
  readonly trusted: TxPoint | undefined;
  readonly offered: TxPoint | undefined;
  readonly next: string;

  constructor(failed: FailedCheck, cause?: unknown) {
    super(
      failed.check,
      `verification failed for database '${failed.database}' of ${failed.server}: ${failed.reason} (check ${failed.check}; ` +
        `trusted ${describe(failed.trusted)}, offered ${describe(failed.offered)}); the trusted state was not changed`,
      {},
      cause,
    );
    this.reason = failed.reason;
    this.server = failed.server;
    this.database = failed.database;
    this.trusted = failed.trusted;
    this.offered = failed.offered;
    this.next =
      failed.next ?? "do not rely on this answer; keep the trusted state as evidence and ask who runs the server";
  }

  /** Name of the check that failed. */
  get check(): string {
    return this.code;
  }
}

function describe(point: TxPoint | undefined): string {
  return point === undefined ? "nothing" : `transaction ${point.txId} (${toHex(point.txHash).slice(0, 16)}…)`;
}
