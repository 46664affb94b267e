// What a call that failed says, by the text that clients are given: whether it was done, whether that is known, and whether a
// client has to take it, as things stand. What nothing excuses is a refusal, and whoever asked has to find a reason for it.

import { Code } from "@connectrpc/connect";
import { ProofError } from "../../src/proof/errors.ts";
import { CallFailure } from "../../src/services/error-table.ts";
import type { Damage } from "./databases.ts";

export type Failure =
  /** It says nothing about what was asked: the database is closed, the session over, the disk full. Nothing was done. */
  | { readonly kind: "unserved" }
  /** Done or not. */
  | { readonly kind: "unknown" }
  | { readonly kind: "damaged" }
  /** The server gave a false proof. */
  | { readonly kind: "unproven"; readonly text: string }
  | { readonly kind: "refused"; readonly text: string };

/** What may excuse a failure. */
export interface Circumstances {
  readonly damage: Damage;
  /** Whether a write of the disk has failed since the server was started. */
  readonly hadTrouble: boolean;
  /** Whether the database may have been closed or deleted by now. */
  readonly mayBeClosed: boolean;
  /** Whether all places for open databases may be taken. */
  readonly mayBeBusy: boolean;
  /** Whether the session may be over. */
  readonly mayBeOver: boolean;
}

const SESSION_OVER = "session not found";
const CLOSED = ["already closed", "database does not exist"];
const BUSY = "all databases that may be open at once are busy";
const READ_ONLY = "the database is read-only";
/** For want of a disk that works. */
const NOT_DONE = [
  "the transaction could not be stored",
  READ_ONLY,
  "the database cannot be opened now",
  "the simulated disk is full",
];
const OUTCOME_UNKNOWN = [
  "it is not known whether the transaction was stored",
  "the catalog of databases cannot be written",
  "the transaction is stored as ",
];
const OUT_OF_SERVICE = "is out of service";
/** Refusals of calls that create, load, unload or delete, when others do so too: nothing was changed. */
const TOO_LATE = [...CLOSED, "database already loaded", "cannot delete an open database"];

/** Throws what is no answer at all. */
export function failureOf(error: unknown, circumstances: Circumstances): Failure {
  const { damage, hadTrouble, mayBeClosed, mayBeBusy, mayBeOver } = circumstances;
  if (error instanceof ProofError) {
    if (damage.isThere) return { kind: "unknown" };
    return { kind: "unproven", text: `an answer does not prove itself: ${error.code}: ${error.message}` };
  }
  if (!(error instanceof CallFailure)) throw error;
  const isOneOf = (texts: readonly string[]): boolean => texts.some((text) => error.message.startsWith(text));
  if (damage.isThere && error.code === Code.DataLoss) return { kind: "damaged" };
  if ((hadTrouble || damage.isThere) && isOneOf(OUTCOME_UNKNOWN)) return { kind: "unknown" };
  const isExcused =
    (mayBeOver && isSessionOver(error)) ||
    ((mayBeClosed || hadTrouble) && isOneOf(CLOSED)) ||
    (hadTrouble && isOneOf(NOT_DONE)) ||
    (mayBeBusy && isOneOf([BUSY])) ||
    (damage.isOpenedBy && error.message.includes(OUT_OF_SERVICE));
  if (isExcused) return { kind: "unserved" };
  // The trace id of an internal error is real chance.
  return { kind: "refused", text: error.message.replace(/trace id .*/, "trace id …") };
}

export function isSessionOver(error: unknown): boolean {
  return error instanceof CallFailure && error.message === SESSION_OVER;
}

/** Whether the same call may be answered in a moment. */
export function isPassing(error: unknown): boolean {
  return error instanceof CallFailure && (error.message.startsWith(BUSY) || CLOSED.includes(error.message));
}

/** Whether a write was refused since the outcome of an earlier one is not known. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof CallFailure && error.message === READ_ONLY;
}

/** Whether a call that changes which databases there are or are loaded came after another one. */
export function isTooLate(error: unknown): error is CallFailure {
  return error instanceof CallFailure && TOO_LATE.some((text) => error.message.startsWith(text));
}

/** How a failure reads in a trace. */
export function failureText(failure: Failure, error: unknown): string {
  return `${failure.kind}: ${"text" in failure ? failure.text : (error as Error).message}`;
}
