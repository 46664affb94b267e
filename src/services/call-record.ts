// What is kept of a call that has been answered: for the access log, the audit log and traces.

import { type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { utf8ToString } from "../base/bytes.ts";
import { DATABASE_NAME_LENGTH_MAX, USERNAME_LENGTH_MAX } from "../base/limits.ts";
import type { Access } from "./access.ts";
import { type CallContext, selectedBy } from "./call.ts";
import type { CallFailure } from "./error-table.ts";

/** What a call is about; kept in the audit log, which can leave kinds out. */
export type CallKind = "AUTH" | "ADMIN" | "WRITE" | "READ" | "SYSTEM";

export interface CallRecord {
  /** As on the wire: `/package.Service/Method`. */
  readonly path: string;
  readonly kind: CallKind;
  /** Who is logged in, or whom a login names; empty otherwise. */
  readonly user: string;
  /** Address that the call came from. */
  readonly peer: string;
  /** The database that it worked on or named. */
  readonly database: string | undefined;
  /** When it began to be served, in milliseconds since the Unix epoch. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly failure: CallFailure | undefined;
}

/** What is known of a call whether or not it is let in. */
export interface Naming {
  /** Who wants to log in. Absent: the request does not say. */
  readonly user?: ((message: unknown) => string) | undefined;
  /** The database that the call is about: the one that its caller has selected, or its request names. Absent: none. */
  readonly database?: ((message: unknown, ctx: CallContext) => string | undefined) | undefined;
}

const LOGIN_FIELDS = ["username", "user"];
const DATABASE_FIELDS = ["databaseName", "database", "name"];

/** How a method's calls say who makes them and what for. */
export function namingOf(method: DescMethod, { access, target }: Access): Naming {
  const user = access === "public" ? textField(method, LOGIN_FIELDS, USERNAME_LENGTH_MAX) : undefined;
  const fields = target.kind === "field" ? [target.field] : DATABASE_FIELDS;
  const database = target.kind === "selected" ? selected : textField(method, fields, DATABASE_NAME_LENGTH_MAX);
  return { user, database };
}

function selected(_message: unknown, { caller }: CallContext): string | undefined {
  return caller && selectedBy(caller);
}

/** Reads the first of these fields that there is, as text, cut to so many bytes. */
function textField(
  method: DescMethod,
  names: readonly string[],
  lengthMax: number,
): ((message: unknown) => string) | undefined {
  const field = method.input.fields.find(
    (known) =>
      names.includes(known.localName) &&
      known.fieldKind === "scalar" &&
      (known.scalar === ScalarType.STRING || known.scalar === ScalarType.BYTES),
  );
  if (field === undefined) return undefined;
  return (message) => {
    const value = (message as Readonly<Record<string, unknown>> | undefined)?.[field.localName];
    if (value instanceof Uint8Array) return utf8ToString(value.subarray(0, lengthMax));
    return typeof value === "string" ? value.slice(0, lengthMax) : "";
  };
}

const AUTH = ["Login", "Logout", "OpenSession", "CloseSession", "KeepAlive", "UseDatabase"];
const SYSTEM = ["Health", "ServerInfo", "DatabaseHealth", "FlushIndex", "CompactIndex"];
const ADMIN = [
  "ListUsers",
  "ChangePassword",
  "DatabaseList",
  "DatabaseListV2",
  "GetDatabaseSettings",
  "GetDatabaseSettingsV2",
];
/** Of methods that administrators call, those that read and write data. */
const READ = ["exportTx", "streamExportTx", "VerifyDatabase"];
const WRITE = ["replicateTx", "NewTx", "Commit", "Rollback"];

/** The kind of a method's calls: as named above, else as its access rule says. */
export function kindOf(method: DescMethod, { access }: Access): CallKind {
  const { name } = method;
  if (AUTH.includes(name)) return "AUTH";
  if (SYSTEM.includes(name)) return "SYSTEM";
  if (ADMIN.includes(name)) return "ADMIN";
  if (WRITE.includes(name)) return "WRITE";
  if (READ.includes(name)) return "READ";
  switch (access) {
    case "read":
      return "READ";
    case "write":
      return "WRITE";
    case "admin":
    case "sysadmin":
      return "ADMIN";
    case "session":
    case "public":
      return "SYSTEM";
  }
}

/** Name of whoever calls, or of whom the request wants to log in as. */
export function userNamedBy(naming: Naming, message: unknown, ctx: CallContext): string {
  return ctx.caller?.user.name ?? naming.user?.(message) ?? "";
}

export function databaseNamed(naming: Naming, message: unknown, ctx: CallContext): string | undefined {
  return ctx.database?.name ?? (naming.database?.(message, ctx)?.toLowerCase() || undefined);
}
