// One call on its way through the server, whatever protocol it came by. Handlers see nothing else of the outside.

import type { User } from "../auth/permissions.ts";
import type { Session } from "../auth/sessions.ts";
import type { Token } from "../auth/tokens.ts";
import { assert } from "../base/assert.ts";
import type { Database } from "../database/database.ts";

/** Who calls, and by what he showed it. */
export type Caller =
  | { readonly kind: "session"; readonly user: User; readonly session: Session }
  | { readonly kind: "token"; readonly user: User; readonly token: Token }
  | Anonymous;

/** The server runs without authentication. `database`: undefined until one is selected. */
export interface Anonymous {
  readonly kind: "anonymous";
  readonly user: User;
  readonly database: string | undefined;
}

export interface CallContext {
  /** Aborts when the caller has gone, his deadline has passed or the server stops. Made when first asked for. */
  readonly signal: AbortSignal;
  /** The address that the call came from; empty when it came from inside the process. */
  readonly peer: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
  /** Sets a trailer of the answer. Absent where answers have none. */
  readonly trailer?: (name: string, value: string) => void;
  /** Set when the call is admitted; undefined for a method that needs no login. */
  caller: Caller | undefined;
  /** When it was found out who calls, in milliseconds since the Unix epoch; 0: not yet. */
  identifiedMs: number;
  /** Set when the call is admitted, for methods that work on the selected database. */
  database: Database | undefined;
}

/** Who calls. Only for methods whose access rule asks for a login. */
export function callerOf(ctx: CallContext): Caller {
  assert(ctx.caller !== undefined, "the method's access rule does not ask who calls");
  return ctx.caller;
}

/** The selected database. Only for methods whose access rule has it as target. */
export function databaseOf(ctx: CallContext): Database {
  assert(ctx.database !== undefined, "the method's access rule does not select a database");
  return ctx.database;
}

/** Name of the database that the caller has selected, if any. */
export function selectedBy(caller: Caller): string | undefined {
  switch (caller.kind) {
    case "session":
      return caller.session.database;
    case "token":
      return caller.token.database;
    case "anonymous":
      return caller.database;
  }
}
