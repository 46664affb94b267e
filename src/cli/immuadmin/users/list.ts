import type { User } from "../../../../gen/immudb/schema/user_pb.ts";
import { utf8ToString } from "../../../base/bytes.ts";
import type { Answer, Json } from "../../output.ts";
import { type Row, tableText } from "../../table.ts";
import { type AdminConnection, calling } from "../calls.ts";
import { permissionName, permissionTitle } from "../permissions.ts";

const COLUMNS = ["User", "Active", "Database", "Permission", "Created By", "Created At"] as const;

/** Every user that the caller may see, with a row for each database that he may use. */
export function listUsers(connection: AdminConnection): Promise<Answer> {
  return calling(connection, async ({ rpc, call }) => {
    const { users } = await rpc.listUsers({}, call());
    return {
      text: [tableText("user(s)", COLUMNS, users.flatMap(rowsOf))],
      json: { users: users.map(jsonOf) },
    };
  });
}

function rowsOf({ user, active, permissions, createdby, createdat }: User): Row[] {
  const [first, ...others] = permissions.map(({ database, permission }) => [database, permissionTitle(permission)]);
  const row = (name: string | undefined, [database = "-", title = "-"]: readonly string[] = []): Row => {
    if (name === undefined) return [name, "", database, title, "", ""];
    return [name, String(active), database, title, createdby || "-", createdat];
  };
  return [row(utf8ToString(user), first), ...others.map((other) => row(undefined, other))];
}

function jsonOf({ user, active, permissions, sqlPrivileges, createdby, createdat }: User): Json {
  return {
    name: utf8ToString(user),
    active,
    permissions: Object.fromEntries(
      permissions.map(({ database, permission }) => [database, permissionName(permission)]),
    ),
    sqlPrivileges: sqlPrivileges.map(({ database, privilege }) => ({ database, privilege })),
    createdBy: createdby,
    createdAt: createdat,
  };
}
