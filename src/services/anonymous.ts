// Who calls a server that runs without authentication.
//
//   usual        he reads and writes the default database, the only one there is
//   maintenance  he reads every database and what is known of users, and changes nothing: the mode to look at a data
//                directory whose users cannot log in any more
//
// Only this machine is served, unless the operator says otherwise. Whether a call comes from it, its connection says
// (or a proxy that the operator trusts), never its sender.

import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { AuthError } from "../auth/errors.ts";
import type { User } from "../auth/permissions.ts";
import { DEFAULT_DATABASE } from "../database/names.ts";
import type { Anonymous, CallContext } from "./call.ts";
import type { Room, ServedMethod } from "./pipeline.ts";

/** What callers may do when nobody logs in. */
export interface AnonymousRules {
  readonly maintenance: boolean;
  /** Whether other machines are served, too. */
  readonly remote: boolean;
}

const NOBODY: User = {
  name: "",
  sysadmin: false,
  permissions: new Map([[DEFAULT_DATABASE, "write"]]),
  sqlPrivileges: new Map(),
  active: true,
  createdBy: "",
  createdAtMs: 0,
};
const MAINTAINER: User = { ...NOBODY, sysadmin: true };

const LOOPBACK = /^(127\.|::1$|::ffff:127\.|$)/;

/** Throws AuthError `anonymous_remote`. */
export function anonymous(ctx: CallContext, { anonymous: rules }: Room): Anonymous {
  if (rules?.remote !== true && !LOOPBACK.test(ctx.peer)) {
    throw new AuthError("anonymous_remote", `${ctx.peer} is not this machine`);
  }
  if (rules?.maintenance !== true) return { kind: "anonymous", user: NOBODY, database: DEFAULT_DATABASE };
  return { kind: "anonymous", user: MAINTAINER, database: undefined };
}

/** Methods that change nothing, though their declarations do not say so. */
const HARMLESS: ReadonlySet<string> = new Set(["UseDatabase", "exportTx", "streamExportTx", "VerifyDatabase"]);

/** Throws AuthError `auth_disabled` for what is about users, and `maintenance` for what changes anything then. */
export function requireFitForAnyone(method: ServedMethod, { anonymous: rules }: Room): void {
  const { name, idempotency } = method.descriptor;
  const isReading =
    method.access.access === "read" ||
    idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ||
    HARMLESS.has(name);
  if (rules?.maintenance === true && !isReading) throw new AuthError("maintenance", `${name} changes something`);
  if (rules?.maintenance !== true && method.refusals.anonymous !== undefined) {
    throw new AuthError(method.refusals.anonymous, `${name} needs authentication`);
  }
}
