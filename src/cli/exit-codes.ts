// How a command ends, and what to do about it. The numbers are part of the interface: scripts branch on them.

import type { ConnectError } from "@connectrpc/connect";
import { toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import { ClientError, type ClientErrorCode, type TxPoint, VerificationError } from "../client/errors.ts";
import { type Refusal, refusalOf } from "../client/refusals.ts";
import { ReplicationError } from "../replication/errors.ts";
import type { Json } from "./output.ts";
import { tlsFailureOf } from "./tls-failure.ts";

export const EXIT: Readonly<Record<"ok" | "error" | "usage" | "notFound" | "auth" | "verification", number>> = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  verification: 5,
};

/** The command line cannot be obeyed as it stands. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly next: string | undefined;

  constructor(message: string, next?: string) {
    super(message);
    this.next = next;
  }
}

/** What the command line names is not there. */
export class NotFoundError extends Error {
  override readonly name = "NotFoundError";
}

/** A command that has its name already and nothing else. */
export class NotBuiltError extends Error {
  override readonly name = "NotBuiltError";
}

/** Something went wrong at another server than the one that the command is for: the one that is to take what it copies. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  /** `host:port` as it was given. */
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super(`the target ${address} failed`, { cause });
    this.address = address;
  }
}

/** What a person and a script are told about an error. */
export interface Failure {
  readonly exit: number;
  /** Stable word for scripts: "usage", the name of a check, a `Refusal`, or a code of ClientError. */
  readonly code: string;
  readonly message: string;
  readonly next: string | undefined;
  /** What a program would want to read out of the message, for JSON. */
  readonly details?: Json;
}

const NEXT_OF_CLIENT_ERROR: Readonly<Record<ClientErrorCode, string>> = {
  state_locked: "run the command again when that process is done",
  state_unreadable: "find out what changed the file; removing it makes the next verified command trust the server anew",
  state_moved: "run the command again",
  export_malformed: "do not rely on this server; ask who runs it",
  server_silent: "run the command again: it goes on where it was",
};

/** Programs that talk to a server. */
export type ClientProgram = "immuclient" | "immuadmin";

/** How to get what a refusal asks for. */
const NEXT_OF_LOGIN: Readonly<Record<ClientProgram, { login: string; database: string; otherUser: string }>> = {
  immuclient: {
    login: "run: immuclient login USER",
    database: "run: immuclient use DATABASE",
    otherUser: "log in as a user who may: immuclient login USER",
  },
  immuadmin: {
    login:
      "run: immuadmin login; or name a user with --username, and his password by --password-file or --password-stdin",
    database: "name a database, or run: immuadmin database use DATABASE",
    otherUser: "name a user who may with --username",
  },
};

/** Turns any error into what to print and the number to end with. `address` is the server that was spoken to. */
export function failureOf(error: unknown, address: string, program: ClientProgram = "immuclient"): Failure {
  if (error instanceof UsageError) return { exit: EXIT.usage, code: "usage", message: error.message, next: error.next };
  if (error instanceof NotFoundError) return failureOfRefusal("not_found", error.message, address, program);
  if (error instanceof NotBuiltError) return failureOfRefusal("unimplemented", error.message, address, program);
  if (error instanceof VerificationError) return failureOfVerification(error);
  if (error instanceof ClientError) {
    return { exit: EXIT.error, code: error.code, message: error.message, next: NEXT_OF_CLIENT_ERROR[error.code] };
  }
  if (error instanceof TargetError) return failureOfTarget(error, program);
  const tls = tlsFailureOf(error, address);
  if (tls !== undefined) return { exit: EXIT.error, code: "tls", ...tls };
  if (error instanceof ReplicationError) return failureOfReplication(error);
  const refusal = refusalOf(error);
  if (refusal !== undefined) return failureOfRefusal(refusal, (error as ConnectError).rawMessage, address, program);
  if (error instanceof RoomError && error.code === "locked") {
    const next = "stop what uses it, or name another directory";
    return { exit: EXIT.error, code: error.code, message: error.message, next };
  }
  return {
    exit: EXIT.error,
    code: "error",
    message: error instanceof Error ? error.message : String(error),
    next: undefined,
  };
}

const NEXT_AT_TARGET: Readonly<Record<string, string>> = {
  wrong_password: "name a user there with --to-username, and his password with --to-password-file",
  not_permitted: "name a system administrator there with --to-username",
  unreachable: "start a server there, or name another with --to HOST:PORT",
};

function failureOfTarget({ address, cause }: TargetError, program: ClientProgram): Failure {
  const { message, ...failure } = failureOf(cause, address, program);
  const told = message.includes(address) ? message : `${address}: ${message}`;
  return { ...failure, message: told, next: NEXT_AT_TARGET[failure.code] ?? failure.next };
}

function failureOfReplication({ code, message }: ReplicationError): Failure {
  return { exit: EXIT.verification, code, message, next: "find out which of the two is right; nothing was changed" };
}

function failureOfVerification(error: VerificationError): Failure {
  const { check, message, next, server, database, trusted, offered } = error;
  const details = { server, database, trusted: pointToJson(trusted), offered: pointToJson(offered) };
  return { exit: EXIT.verification, code: check, message, next, details };
}

function pointToJson(point: TxPoint | undefined): Json {
  return point === undefined ? null : { txId: String(point.txId), txHash: toHex(point.txHash) };
}

function failureOfRefusal(code: Refusal, message: string, address: string, program: ClientProgram): Failure {
  const { login, database, otherUser } = NEXT_OF_LOGIN[program];
  switch (code) {
    case "not_found":
      return { exit: EXIT.notFound, code, message, next: undefined };
    case "not_logged_in":
      return { exit: EXIT.auth, code, message, next: login };
    case "no_database":
      return { exit: EXIT.auth, code, message, next: database };
    case "wrong_password":
      return { exit: EXIT.auth, code, message, next: undefined };
    case "not_permitted":
      return { exit: EXIT.auth, code, message, next: otherUser };
    case "unreachable":
      return {
        exit: EXIT.error,
        code,
        message: `no immudb server answers at ${address} (${message})`,
        next: "start one there, or name another with --immudb-address and --immudb-port",
      };
    case "illegal_state":
    case "unimplemented":
    case "other":
      return { exit: EXIT.error, code, message, next: undefined };
  }
}
