// Who the users are and whether a password is theirs.

import { equalBytes, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { CredentialStore } from "./credential-store.ts";
import { AuthError } from "./errors.ts";
import type { PasswordHasher } from "./password.ts";
import type { User } from "./permissions.ts";

/** The system administrator: the one user that always exists (wire contract). */
export const SUPERADMIN = "immudb";
/** His password unless another is configured; clients are warned about it. */
export const DEFAULT_SUPERADMIN_PASSWORD = "immudb";

export class Users {
  readonly #store: CredentialStore;
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;

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

  /**
   * Creates the system administrator with that password when there is none. An existing one keeps his password:
   * `differs` says that it is another one than asked for.
   */
  async ensureSuperadmin(password: string): Promise<"created" | "same" | "differs"> {
    const bytes = utf8(password);
    const existing = this.#store.get(SUPERADMIN);
    if (existing !== undefined) {
      return (await this.#hasher.matches(bytes, existing.password)) ? "same" : "differs";
    }
    await this.#store.put({
      name: SUPERADMIN,
      sysadmin: true,
      permissions: new Map(),
      active: true,
      createdBy: SUPERADMIN,
      createdAtMs: this.#clock.nowMs(),
      password: await this.#hasher.hash(bytes),
    });
    return "created";
  }

  /** Whether the system administrator's password is the default one. */
  async superadminHasDefault(): Promise<boolean> {
    return this.#hasher.matches(utf8(DEFAULT_SUPERADMIN_PASSWORD), this.#store.get(SUPERADMIN)?.password);
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
}

/** Whether this password, just accepted, is the system administrator's default one. */
export function isDefaultPassword(user: User, password: Uint8Array): boolean {
  return user.name === SUPERADMIN && equalBytes(password, utf8(DEFAULT_SUPERADMIN_PASSWORD));
}
