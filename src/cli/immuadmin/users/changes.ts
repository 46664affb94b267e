// Commands that change users. Whoever is changed has to log in again.

import { PermissionAction } from "../../../../gen/immudb/schema/user_pb.ts";
import { utf8 } from "../../../base/bytes.ts";
import { UsageError } from "../../exit-codes.ts";
import type { Answer } from "../../output.ts";
import { type AdminConnection, type Calls, calling } from "../calls.ts";
import { databasesOf } from "../databases/list.ts";
import { type NewPasswordOptions, newPassword } from "../new-password.ts";
import { permissionName, permissionNumber } from "../permissions.ts";

export async function createUser(
  connection: AdminConnection,
  [user, permissionText, database]: readonly [user: string, permission: string, database: string | undefined],
  options: NewPasswordOptions,
): Promise<Answer> {
  const permission = permissionNumber(permissionText);
  const password = await newPassword(user, options);
  return calling(connection, async (calls) => {
    const where = database ?? (await onlyDatabase(calls));
    await calls.rpc.createUser({ user: utf8(user), password, permission, database: where }, calls.call());
    return {
      text: [`Created user ${user}\n`],
      json: { user, created: true, permissions: { [where]: permissionName(permission) } },
    };
  });
}

async function onlyDatabase(calls: Calls): Promise<string> {
  const [only, ...others] = await databasesOf(calls);
  if (only !== undefined && others.length === 0) return only.name;
  throw new UsageError("database name can not be empty when there are multiple databases");
}

/** One's own password is changed by who knows the old one: it is asked for, or read, as for a login. */
export async function changePassword(
  connection: AdminConnection,
  user: string,
  options: NewPasswordOptions,
): Promise<Answer> {
  const isOwn = ((await connection.user()) ?? connection.options.username) === user;
  const old = isOwn ? await connection.password(user) : new Uint8Array();
  const password = await newPassword(user, options);
  return calling(connection, async ({ rpc, client, call }) => {
    const request = { user: utf8(user), oldPassword: old, newPassword: password };
    await rpc.changePassword(request, call());
    if (isOwn) await connection.login(client, user, client.database, password);
    return { text: [`${user}'s password has been changed\n`], json: { user, passwordChanged: true } };
  });
}

export function setActive(connection: AdminConnection, username: string, active: boolean): Promise<Answer> {
  return calling(connection, async ({ rpc, call }) => {
    await rpc.setActiveUser({ username, active }, call());
    return { text: ["User status changed successfully\n"], json: { user: username, active } };
  });
}

export function changePermission(
  connection: AdminConnection,
  action: "grant" | "revoke",
  [username, permissionText, database]: readonly [user: string, permission: string, database: string],
): Promise<Answer> {
  const permission = permissionNumber(permissionText);
  return calling(connection, async ({ rpc, call }) => {
    const which = action === "grant" ? PermissionAction.GRANT : PermissionAction.REVOKE;
    await rpc.changePermission({ action: which, username, database, permission }, call());
    return {
      text: ["Permission changed successfully\n"],
      json: { user: username, action, permission: permissionName(permission), database },
    };
  });
}
