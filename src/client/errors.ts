import { toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import { ProofError, type ProofErrorCode } from "../proof/errors.ts";
import { WireError, type WireErrorCode } from "../wire/errors.ts";

export type ClientErrorCode =
  /** Another process has been inside a verified operation on this database for too long. `data.lock`: its lock file. */
  | "state_locked"
  /** A file of trusted state is not one that we wrote. `data.file`. Never answered by trusting the server anew. */
  | "state_unreadable"
  /** The trusted state changed under a verified operation; nothing was stored. Run it again. */
  | "state_moved"
  /** The server sent something as a transaction that cannot be one. */
  | "export_malformed"
  /** A call of which nothing was heard for too long. */
  | "server_silent";

/** What the client itself cannot do. What the server refuses arrives as Connect's own `ConnectError`, text unchanged. */
export class ClientError extends RoomError<ClientErrorCode> {
  override readonly name = "ClientError";
}

/** A transaction and the hash that stands for all history up to it. */
export interface TxPoint {
  readonly txId: bigint;
  readonly txHash: Uint8Array;
}

/**
 * Name of a check: what the proof room and the wire mapping refuse by, or the client's own: `server_identity`, the address
 * answers with the uuid that was pinned to it at first contact (CVE-2022-39199).
 */
export type CheckName = ProofErrorCode | WireErrorCode | "server_identity";

/** Everything a person needs to judge a failed check. */
export interface FailedCheck {
  readonly check: CheckName;
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
export class VerificationError extends RoomError<CheckName> {
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
  get check(): CheckName {
    return this.code;
  }
}

/** The VerificationError for a refusal by the proof room or the wire mapping; any other error as it is. */
export function asVerificationError(error: unknown, where: Omit<FailedCheck, "check" | "reason">): unknown {
  if (!(error instanceof ProofError || error instanceof WireError)) return error;
  return new VerificationError({ ...where, check: error.code, reason: error.message }, error);
}

function describe(point: TxPoint | undefined): string {
  return point === undefined ? "nothing" : `transaction ${point.txId} (${toHex(point.txHash).slice(0, 16)}…)`;
}
