// What a user may do to a database. Each permission includes the one before; the system administrator has all of them on
// every database.

/** On the wire 1, 2 and 254. */
export type Permission = "read" | "write" | "admin";

const ORDER: Readonly<Record<Permission, number>> = { read: 1, write: 2, admin: 3 };

export interface User {
  readonly name: string;
  /** Permission 255 on the wire. */
  readonly sysadmin: boolean;
  /** By database name. */
  readonly permissions: ReadonlyMap<string, Permission>;
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
