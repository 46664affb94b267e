// Who the users are, whether a password is theirs, and what changes about them. Changes are made one after the other: each
// begins with what the one before has left.

import { equalBytes, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { PASSWORD_LENGTH_MAX, USERNAME_LENGTH_MAX, USERS_MAX } from "../base/limits.ts";
import type { CredentialStore, StoredUser } from "./credential-store.ts";
import { AuthError } from "./errors.ts";
import type { PasswordHasher } from "./password.ts";
import type { Permission, User } from "./permissions.ts";

/** The system administrator: the one user that always exists (wire contract). */
export const SUPERADMIN = "immudb";
/** His password unless another is configured; clients are warned about it. */
export const DEFAULT_SUPERADMIN_PASSWORD = "immudb";

export class Users {
  readonly #store: CredentialStore;
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: CredentialStore, hasher: PasswordHasher, clock: Clock) {
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

  /** Creates the system administrator with that password when there is none. An existing one keeps his password. */
  async ensureSuperadmin(password: string): Promise<"created" | "existed"> {
    if (this.#store.get(SUPERADMIN) !== undefined) return "existed";
    await this.#store.put({
      name: SUPERADMIN,
      sysadmin: true,
      permissions: new Map(),
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
    if (user === undefined || !matches) throw new AuthError("invalid_credentials", "invalid user name or password");
    if (!user.active) throw new AuthError("user_inactive", "user is not active");
    return user;
  }

  /** Whether this is the password of that user. */
  async hasPassword(name: string, password: Uint8Array): Promise<boolean> {
    return this.#hasher.matches(password, this.#store.get(name)?.password);
  }

  /**
   * Adds a user with one permission. Throws AuthError `username_empty`, `username_character`, `username_length`,
   * `password_empty`, `password_too_long`, `user_exists`, `users_full`.
   */
  create({ name, password, database, permission, createdBy }: NewUser): Promise<void> {
    requireUsername(name);
    requirePassword(password);
    return this.#inTurn(async () => {
      if (this.#store.get(name) !== undefined) throw new AuthError("user_exists", `user '${name}' exists`);
      if (this.#store.size >= USERS_MAX) throw new AuthError("users_full", "too many users", { limit: USERS_MAX });
      await this.#store.put({
        name,
        sysadmin: false,
        permissions: new Map([[database, permission]]),
        active: true,
        createdBy,
        createdAtMs: this.#clock.nowMs(),
        password: await this.#hasher.hash(password),
      });
    });
  }

  /** Throws AuthError `password_empty`, `password_too_long`, `user_not_found`. */
  setPassword(name: string, password: Uint8Array): Promise<void> {
    requirePassword(password);
    return this.#change(name, async (user) => ({ ...user, password: await this.#hasher.hash(password) }));
  }

  /** Gives a user a permission on a database, in place of the one that he has there; undefined: none. */
  setPermission(name: string, database: string, permission: Permission | undefined): Promise<void> {
    return this.#change(name, (user) => {
      const permissions = new Map(user.permissions);
      if (permission === undefined) permissions.delete(database);
      else permissions.set(database, permission);
      return { ...user, permissions };
    });
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

function requirePassword({ length }: Uint8Array): void {
  if (length === 0) throw new AuthError("password_empty", "a password is needed");
  if (length > PASSWORD_LENGTH_MAX) {
    throw new AuthError("password_too_long", "the password is too long", { limit: PASSWORD_LENGTH_MAX });
  }
}

/** Whether this password, just accepted, is the system administrator's default one. */
export function isDefaultPassword(user: User, password: Uint8Array): boolean {
  return user.name === SUPERADMIN && equalBytes(password, utf8(DEFAULT_SUPERADMIN_PASSWORD));
}
