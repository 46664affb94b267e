// Where users and password hashes are kept: an environment of its own, outside every ledger, because a hash in an
// immutable log could never be withdrawn. Written durably; all users are held in memory, since every call looks one up.
//
//   table "users":   user name (UTF-8) → JSON record, version 1

import { fromBase64, toBase64, utf8, utf8ToString } from "../base/bytes.ts";
import type { Engine, EngineDriver, Table } from "../store/engine.ts";
import { AuthError } from "./errors.ts";
import type { PasswordHash } from "./password.ts";
import type { Permission, SqlPrivilege, User } from "./permissions.ts";

/** Where they are in a data directory. */
export const CREDENTIALS_DIRECTORY = "server-credentials";

export interface StoredUser extends User {
  readonly password: PasswordHash;
}

export class CredentialStore {
  readonly #engine: Engine;
  readonly #table: Table;
  readonly #users = new Map<string, StoredUser>();

  private constructor(engine: Engine) {
    this.#engine = engine;
    this.#table = engine.table("users");
  }

  /** Throws AuthError `credentials_damaged` when a record cannot be read. */
  static async open(driver: EngineDriver, directory: string): Promise<CredentialStore> {
    const engine = await driver.open(directory, { durable: true, distrusted: true });
    try {
      const store = new CredentialStore(engine);
      for (const { value, key } of store.#table.range({})) {
        const user = decodeUser(utf8ToString(key), value);
        store.#users.set(user.name, user);
      }
      return store;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get(name: string): StoredUser | undefined {
    return this.#users.get(name);
  }

  list(): StoredUser[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get size(): number {
    return this.#users.size;
  }

  /** Adds or replaces the user of that name; on disk when it resolves. */
  async put(user: StoredUser): Promise<void> {
    await this.#engine.write((batch) => batch.put(this.#table, utf8(user.name), encodeUser(user)));
    this.#users.set(user.name, user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close();
  }
}

interface UserRecord {
  readonly version: 1;
  readonly sysadmin: boolean;
  readonly permissions: Readonly<Record<string, Permission>>;
  /** Absent: none. */
  readonly sqlPrivileges?: Readonly<Record<string, readonly SqlPrivilege[]>>;
  readonly active: boolean;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly password: {
    readonly algorithm: "scrypt";
    readonly N: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
    readonly hash: string;
  };
}

function encodeUser({ name: _key, password, permissions, sqlPrivileges, ...rest }: StoredUser): Uint8Array {
  const record: UserRecord = {
    version: 1,
    ...rest,
    permissions: Object.fromEntries(permissions),
    sqlPrivileges: Object.fromEntries(sqlPrivileges),
    password: { ...password, salt: toBase64(password.salt), hash: toBase64(password.hash) },
  };
  return utf8(JSON.stringify(record));
}

function decodeUser(name: string, bytes: Uint8Array): StoredUser {
  try {
    const {
      version,
      permissions,
      sqlPrivileges = {},
      password,
      ...rest
    } = JSON.parse(utf8ToString(bytes)) as UserRecord;
    if (version !== 1 || password.algorithm !== "scrypt") throw new RangeError("unknown record version");
    return {
      name,
      ...rest,
      permissions: new Map(Object.entries(permissions)),
      sqlPrivileges: new Map(Object.entries(sqlPrivileges)),
      password: { ...password, salt: fromBase64(password.salt), hash: fromBase64(password.hash) },
    };
  } catch (cause) {
    throw new AuthError(
      "credentials_damaged",
      `the stored record of user '${name}' cannot be read`,
      { user: name },
      cause,
    );
  }
}
