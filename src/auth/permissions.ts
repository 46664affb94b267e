// What a user may do to a database. Each permission includes the one before; the system administrator has all of them on
// every database.

/** On the wire 1, 2 and 254. */
export type Permission = "read" | "write" | "admin";

const ORDER: Readonly<Record<Permission, number>> = { read: 1, write: 2, admin: 3 };

/** What a user may do by SQL (wire contract), in the order in which they are listed. */
export type SqlPrivilege = "SELECT" | "CREATE" | "INSERT" | "UPDATE" | "DELETE" | "DROP" | "ALTER";
export const SQL_PRIVILEGES: readonly SqlPrivilege[] = [
  "SELECT",
  "CREATE",
  "INSERT",
  "UPDATE",
  "DELETE",
  "DROP",
  "ALTER",
];
const READING: readonly SqlPrivilege[] = ["SELECT"];
const NONE: readonly SqlPrivilege[] = [];

export interface User {
  readonly name: string;
  /** Permission 255 on the wire. */
  readonly sysadmin: boolean;
  /** By database name. */
  readonly permissions: ReadonlyMap<string, Permission>;
  /** By database name, where they are not those that come with the permission. */
  readonly sqlPrivileges: ReadonlyMap<string, readonly SqlPrivilege[]>;
  readonly active: boolean;
  readonly createdBy: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
}

/** Whether `user` has at least permission `needed` on the database. */
export function mayUse(user: User, database: string, needed: Permission): boolean {
  if (user.sysadmin) return true;
  const has = user.permissions.get(database);
  return has !== undefined && ORDER[has] >= ORDER[needed];
}

/** Whether `user` administers at least one database. */
export function isAdministrator(user: User): boolean {
  if (user.sysadmin) return true;
  for (const permission of user.permissions.values()) if (permission === "admin") return true;
  return false;
}

/** What a user may do by SQL on a database: what was granted to him there, else what comes with his permission. */
export function sqlPrivilegesOf(user: User, database: string): readonly SqlPrivilege[] {
  if (user.sysadmin) return SQL_PRIVILEGES;
  const permission = user.permissions.get(database);
  if (permission === undefined) return NONE;
  return user.sqlPrivileges.get(database) ?? (permission === "read" ? READING : SQL_PRIVILEGES);
}
