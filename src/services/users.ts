// Users and what they may do. Whoever changes somebody ends his sessions and tokens: what he does next, he does as he is now.
//
// Permissions on the wire: 1 read, 2 read and write, 254 administrator of a database, 255 system administrator.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { PermissionAction, type UserSchema } from "../../gen/immudb/schema/user_pb.ts";
import { AuthError } from "../auth/errors.ts";
import {
  isAdministrator,
  type Permission,
  SQL_PRIVILEGES,
  type SqlPrivilege,
  sqlPrivilegesOf,
  type User,
} from "../auth/permissions.ts";
import { SUPERADMIN } from "../auth/users.ts";
import { utf8, utf8ToString } from "../base/bytes.ts";
import { DatabaseError } from "../database/errors.ts";
import { callerOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import { checkPassword } from "./passwords.ts";
import type { Room } from "./pipeline.ts";

const SYSADMIN = 255;
const NUMBERS: Readonly<Record<Permission, number>> = { read: 1, write: 2, admin: 254 };
const PERMISSIONS: ReadonlyMap<number, Permission> = new Map([
  [1, "read"],
  [2, "write"],
  [254, "admin"],
]);

export function userHandlers(room: Room): Handlers<typeof ImmuService> {
  const { users, sessions, tokens } = room;

  const endLogins = (name: string): void => {
    sessions.closeAllOf(name);
    tokens.logoutAll(name);
  };

  return {
    listUsers: (_message, ctx) => {
      const { user } = callerOf(ctx);
      return {
        users: users
          .list()
          .filter((one) => maySee(user, one))
          .map(userToWire),
      };
    },

    createUser: async ({ user: name, password, permission: number, database: asked }, ctx) => {
      if (number === SYSADMIN) throw new AuthError("sysadmin_unique", "there is one system administrator");
      const permission = PERMISSIONS.get(number);
      if (permission === undefined) throw new AuthError("permission_unknown", `there is no permission ${number}`);
      const database = asked.toLowerCase();
      requireDatabase(room, database, (cause) => {
        return new AuthError("user_database_not_found", "the database does not exist", { name: asked }, cause);
      });
      const createdBy = callerOf(ctx).user.name;
      await users.create({ name: utf8ToString(name), password, database, permission, createdBy });
      return {};
    },

    changePassword: async ({ user, oldPassword, newPassword }, ctx) => {
      const name = utf8ToString(user);
      const caller = callerOf(ctx).user;
      const isOwn = name === caller.name;
      if (!isOwn) requireYours(caller, users.get(name), name);
      // Guessing it is slowed as guessing at a login is.
      if ((isOwn || name === SUPERADMIN) && !(await checkPassword(room, ctx, name, oldPassword))) {
        throw new AuthError("old_password_incorrect", "the old password is another one");
      }
      await users.setPassword(name, newPassword);
      endLogins(name);
      return {};
    },

    changePermission: async ({ action, username: name, database: asked, permission: number }, ctx) => {
      requireAction(action);
      const permission = PERMISSIONS.get(number);
      if (number === SYSADMIN) throw new AuthError("sysadmin_unique", "there is one system administrator");
      if (permission === undefined) throw new AuthError("grant_unknown", `there is no permission ${number}`);
      const database = asked.toLowerCase();
      requireDatabase(room, database, (cause) => {
        return new AuthError("grant_database_not_found", "the database does not exist", {}, cause);
      });
      if (name === callerOf(ctx).user.name) throw new AuthError("grant_own", "nobody changes his own permissions");
      const grantee = users.get(name);
      if (grantee === undefined) throw new AuthError("grantee_not_found", "no such user", { name });
      if (grantee.sysadmin) throw new AuthError("sysadmin_unique", "the system administrator may do everything");
      await users.setPermission(name, database, action === PermissionAction.REVOKE ? undefined : permission);
      endLogins(name);
      return {};
    },

    changeSQLPrivileges: async ({ action, username: name, database: asked, privileges }, ctx) => {
      requireAction(action);
      const database = asked.toLowerCase();
      requireDatabase(room, database, (cause) => {
        return new AuthError("grant_database_not_found", "the database does not exist", {}, cause);
      });
      if (name === callerOf(ctx).user.name) throw new AuthError("privileges_own", "nobody changes his own privileges");
      const grantee = users.get(name);
      if (grantee === undefined) throw new AuthError("grantee_not_found", "no such user", { name });
      if (grantee.sysadmin) throw new AuthError("sysadmin_unique", "the system administrator may do everything");
      await users.changeSqlPrivileges(name, database, {
        action: action === PermissionAction.REVOKE ? "revoke" : "grant",
        privileges: privileges.map(sqlPrivilege),
      });
      endLogins(name);
      return {};
    },

    setActiveUser: async ({ active, username: name }, ctx) => {
      const { user } = callerOf(ctx);
      if (name === "") throw new AuthError("username_empty", "a user needs a name");
      if (name === user.name) throw new AuthError("status_own", "nobody changes his own status");
      const changed = users.get(name);
      if (changed === undefined && user.sysadmin) throw new AuthError("user_not_found", "no such user", { name });
      requireYours(user, changed, name);
      await users.setActive(name, active);
      if (!active) endLogins(name);
      return {};
    },
  };
}

/** Throws IllegalArguments for a number that says nothing: what is not granted is not revoked either. */
function requireAction(action: PermissionAction): void {
  if (action === PermissionAction.GRANT || action === PermissionAction.REVOKE) return;
  throw new DatabaseError("illegal_arguments", `there is no action ${action}`);
}

/** The system administrator sees everybody, an administrator who has a permission on a database of his, anyone himself. */
function maySee(viewer: User, user: User): boolean {
  if (viewer.sysadmin || viewer.name === user.name) return true;
  return [...user.permissions.keys()].some((database) => viewer.permissions.get(database) === "admin");
}

/** Throws `user_not_yours` unless the caller is the system administrator, or an administrator who created that user. */
function requireYours(caller: User, user: User | undefined, name: string): void {
  const isYours = caller.sysadmin || (isAdministrator(caller) && user?.createdBy === caller.name && !user.sysadmin);
  if (user === undefined || !isYours) throw new AuthError("user_not_yours", "not a user of the caller", { name });
}

/** Throws what `refusal` makes of it when there is no such database. One that is not loaded is there all the same. */
function requireDatabase(room: Room, name: string, refusal: (cause: unknown) => AuthError): void {
  try {
    room.databases.requireLoaded(name);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === "database_not_found") throw refusal(error);
  }
}

function sqlPrivilege(name: string): SqlPrivilege {
  const privilege = SQL_PRIVILEGES.find((known) => known === name);
  if (privilege === undefined) throw new AuthError("privilege_unknown", "no such SQL privilege", { name });
  return privilege;
}

function userToWire(user: User): MessageInitShape<typeof UserSchema> {
  const permissions = [...user.permissions].map(([database, has]) => ({ database, permission: NUMBERS[has] }));
  const sqlPrivileges = [...user.permissions.keys()].flatMap((database) =>
    sqlPrivilegesOf(user, database).map((privilege) => ({ database, privilege })),
  );
  return {
    sqlPrivileges,
    user: utf8(user.name),
    permissions: user.sysadmin ? [{ database: "*", permission: SYSADMIN }] : permissions,
    createdby: user.createdBy,
    createdat: new Date(user.createdAtMs).toISOString().replace(/\.\d+Z$/, "Z"),
    active: user.active,
  };
}
