import { DATABASE_NAME_LENGTH_MAX } from "../base/limits.ts";
import { DatabaseError } from "./errors.ts";

/** The database that is always there and that clients get when they name none. */
export const DEFAULT_DATABASE = "defaultdb";
/** The server's own database. */
export const SYSTEM_DATABASE = "systemdb";

/** Throws `database_reserved` for databases that nobody creates, changes, unloads, truncates or deletes, and for names `taken`. */
export function requireNotReserved(name: string, taken: readonly string[] = []): void {
  if (name !== DEFAULT_DATABASE && name !== SYSTEM_DATABASE && !taken.includes(name)) return;
  throw new DatabaseError("database_reserved", `the database ${name} is reserved`, { name });
}

/** The name under which a database is kept: lower case. Throws what is wrong with it as a new name. */
export function databaseName(asked: string): string {
  const name = asked.toLowerCase();
  if (name.length === 0 || name.length > DATABASE_NAME_LENGTH_MAX) {
    throw new DatabaseError("name_length", `a database name has 1 to ${DATABASE_NAME_LENGTH_MAX} characters`);
  }
  for (const character of name) {
    if (/[a-z0-9_]/.test(character)) continue;
    const punctuation = /[\p{P}\p{S}]/u.test(character);
    throw new DatabaseError(
      punctuation ? "name_punctuation" : "name_character",
      "a database name has letters, digits and _",
    );
  }
  return name;
}
