// What a refusal of the server means. Servers of this contract answer most of them with the code UNKNOWN, so that the text
// is what tells (the texts are part of the contract: other clients match on them too).

import { Code, ConnectError } from "@connectrpc/connect";

export type Refusal =
  /** No such key, transaction, revision or database. */
  | "not_found"
  /** No credentials, or some that are not good any more. */
  | "not_logged_in"
  /** A token that does not name a database yet. */
  | "no_database"
  | "wrong_password"
  | "not_permitted"
  /** The client is ahead of the server: the transaction to prove from does not exist there. */
  | "illegal_state"
  /** No server answers at the address. */
  | "unreachable"
  /** The server knows the call and has not built it. */
  | "unimplemented"
  | "other";

const BY_TEXT: readonly (readonly [RegExp, Refusal])[] = [
  [
    /key not found|tx not found|invalid key revision number|no more entries|does not exist$|^user .* not found$/,
    "not_found",
  ],
  [/not logged in|please login|session not found|no session|token has expired|invalid token/i, "not_logged_in"],
  [/please select a database first/, "no_database"],
  [/invalid user name or password|user is not active/, "wrong_password"],
  [/permission/, "not_permitted"],
  [/^illegal state/, "illegal_state"],
];

const BY_CODE: Partial<Record<Code, Refusal>> = {
  [Code.Unauthenticated]: "not_logged_in",
  [Code.PermissionDenied]: "not_permitted",
  [Code.NotFound]: "not_found",
  [Code.Unavailable]: "unreachable",
  [Code.Unimplemented]: "unimplemented",
};

/** Meaning of an error that a call ended with; undefined when it is no answer of a server at all. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return BY_TEXT.find(([text]) => text.test(error.rawMessage))?.[1] ?? BY_CODE[error.code] ?? "other";
}
