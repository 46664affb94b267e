// Who the users are, whether a password is theirs, and what changes about them. Changes are made one after the other: each
// begins with what the one before has left.

import { equalBytes, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { USERNAME_LENGTH_MAX, USERS_MAX } from "../base/limits.ts";
import type { CredentialStore, StoredUser } from "./credential-store.ts";
import { AuthError } from "./errors.ts";
import type { PasswordHasher } from "./password.ts";
import { NO_RULES, type PasswordRules, requirePassword } from "./password-rules.ts";
import { type Permission, SQL_PRIVILEGES, type SqlPrivilege, sqlPrivilegesOf, type User } from "./permissions.ts";

/** The system administrator: the one user that always exists (wire contract). */
export const SUPERADMIN = "immudb";
/** His password unless another is configured; clients are warned about it. */
export const DEFAULT_SUPERADMIN_PASSWORD = "immudb";

export class Users {
  readonly #store: CredentialStore;
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;
  readonly #rules: PasswordRules;
  #turn: Promise<unknown> = Promise.resolve();

  /** `rules`: what new passwords must be like, beyond the limits that hold always. */
  constructor(store: CredentialStore, hasher: PasswordHasher, clock: Clock, rules: PasswordRules = NO_RULES) {
    this.#rules = rules;
    this.#store = store;
    this.#hasher = hasher;
    this.#clock = clock;
  }

  get size(): number {
    return this.#store.size;
  }

  get(name: string): User | undefined {
    return this.#store.get(name);
  }

  /** All of them, by name. */
  list(): User[] {
    return this.#store.list();
  }

  /** Creates the system administrator with that password when there is none. An existing one keeps his password. Throws `password_weak`. */
  async ensureSuperadmin(password: string): Promise<"created" | "existed"> {
    if (this.#store.get(SUPERADMIN) !== undefined) return "existed";
    requirePassword(SUPERADMIN, utf8(password), this.#rules);
    await this.#store.put({
      name: SUPERADMIN,
      sysadmin: true,
      permissions: new Map(),
      sqlPrivileges: new Map(),
      active: true,
      createdBy: SUPERADMIN,
      createdAtMs: this.#clock.nowMs(),
      password: await this.#hasher.hash(utf8(password)),
    });
    return "created";
  }

  /** Whether this is the system administrator's password. Takes the time of a login. */
  superadminHas(password: string): Promise<boolean> {
    return this.#hasher.matches(utf8(password), this.#store.get(SUPERADMIN)?.password);
  }

  /** Whether the system administrator's password is the default one. */
  superadminHasDefault(): Promise<boolean> {
    return this.superadminHas(DEFAULT_SUPERADMIN_PASSWORD);
  }

  /**
   * The user of that name and password. Throws AuthError `invalid_credentials` whichever of the two is wrong, after the
   * same work, and `user_inactive` only to someone who knows the password.
   */
  async authenticate(name: string, password: Uint8Array): Promise<User> {
    const user = this.#store.get(name);
    const matches = await this.#hasher.matches(password, user?.password);
    // His logins have been ended since then, and this one must not begin as if it had come before.
    if (this.#store.get(name) !== user) return this.authenticate(name, password);
    if (user === undefined || !matches) throw new AuthError("invalid_credentials", "invalid user name or password");
    if (!user.active) throw new AuthError("user_inactive", "user is not active");
    return user;
  }

  /**
   * Adds a user with one permission. Throws AuthError `username_empty`, `username_character`, `username_length`,
   * `password_empty`, `password_too_long`, `password_weak`, `user_exists`, `users_full`.
   */
  create({ name, password, database, permission, createdBy }: NewUser): Promise<void> {
    requireUsername(name);
    requirePassword(name, password, this.#rules);
    return this.#inTurn(async () => {
      if (this.#store.get(name) !== undefined) throw new AuthError("user_exists", `user '${name}' exists`);
      if (this.#store.size >= USERS_MAX) throw new AuthError("users_full", "too many users", { limit: USERS_MAX });
      await this.#store.put({
        name,
        sysadmin: false,
        permissions: new Map([[database, permission]]),
        sqlPrivileges: new Map(),
        active: true,
        createdBy,
        createdAtMs: this.#clock.nowMs(),
        password: await this.#hasher.hash(password),
      });
    });
  }

  /** Throws AuthError `password_empty`, `password_too_long`, `password_weak`, `user_not_found`. */
  setPassword(name: string, password: Uint8Array): Promise<void> {
    requirePassword(name, password, this.#rules);
    return this.#change(name, async (user) => ({ ...user, password: await this.#hasher.hash(password) }));
  }

  /**
   * Gives a user a permission on a database, in place of the one that he has there, and the SQL privileges that come with it;
   * undefined: none.
   */
  setPermission(name: string, database: string, permission: Permission | undefined): Promise<void> {
    return this.#change(name, (user) => {
      const permissions = new Map(user.permissions);
      if (permission === undefined) permissions.delete(database);
      else permissions.set(database, permission);
      const sqlPrivileges = new Map(user.sqlPrivileges);
      sqlPrivileges.delete(database);
      return { ...user, permissions, sqlPrivileges };
    });
  }

  /** Gives a user SQL privileges on a database, or takes them from him. Throws AuthError `grantee_without_permission`. */
  changeSqlPrivileges(name: string, database: string, change: SqlPrivilegesChange): Promise<void> {
    return this.#change(name, (user) => {
      if (!user.permissions.has(database)) {
        throw new AuthError("grantee_without_permission", `'${name}' has no permission on ${database}`, { name });
      }
      const has = new Set(sqlPrivilegesOf(user, database));
      for (const privilege of change.privileges) {
        if (change.action === "grant") has.add(privilege);
        else has.delete(privilege);
      }
      const privileges = SQL_PRIVILEGES.filter((privilege) => has.has(privilege));
      return { ...user, sqlPrivileges: new Map(user.sqlPrivileges).set(database, privileges) };
    });
  }

  /** The system administrator's password is this one from now on, and he is active. */
  async forceSuperadmin(password: string): Promise<void> {
    await this.setPassword(SUPERADMIN, utf8(password));
    await this.setActive(SUPERADMIN, true);
  }

  setActive(name: string, active: boolean): Promise<void> {
    return this.#change(name, (user) => ({ ...user, active }));
  }

  #change(name: string, change: (user: StoredUser) => StoredUser | Promise<StoredUser>): Promise<void> {
    return this.#inTurn(async () => {
      const user = this.#store.get(name);
      if (user === undefined) throw new AuthError("user_not_found", `user '${name}' not found`, { name });
      await this.#store.put(await change(user));
    });
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

export interface SqlPrivilegesChange {
  readonly action: "grant" | "revoke";
  readonly privileges: readonly SqlPrivilege[];
}

export interface NewUser {
  readonly name: string;
  readonly password: Uint8Array;
  readonly database: string;
  readonly permission: Permission;
  readonly createdBy: string;
}

function requireUsername(name: string): void {
  if (name.length === 0) throw new AuthError("username_empty", "a user needs a name");
  if (!/^[A-Za-z0-9_]+$/.test(name)) throw new AuthError("username_character", "a user name has letters, digits and _");
  if (name.length > USERNAME_LENGTH_MAX) {
    throw new AuthError("username_length", "the user name is too long", { limit: USERNAME_LENGTH_MAX });
  }
}

/** Whether this password, just accepted, is the system administrator's default one. */
export function isDefaultPassword(user: User, password: Uint8Array): boolean {
  return user.name === SUPERADMIN && equalBytes(password, utf8(DEFAULT_SUPERADMIN_PASSWORD));
}
