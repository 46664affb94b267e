// Login tokens: the older way in, kept because many clients use it. Opaque random text; the database it selects is fixed
// when it is issued, so UseDatabase issues another one.
//
// Logins of a user are counted, and a logout forgets his tokens only when it is the last one: another program of the same
// user stays logged in. Tokens do not survive a restart, and an expired one is remembered for one lifetime more, so that a
// client can be told `token has expired` rather than that he never logged in.

import type { Clock } from "../base/clock.ts";
import { TOKENS_PER_USER_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { AuthError } from "./errors.ts";
import { randomId } from "./sessions.ts";

export interface Token {
  readonly text: string;
  readonly user: string;
  /** undefined until a database is selected. */
  readonly database: string | undefined;
  readonly expiresMs: number;
}

/** What a user has open: logins not yet logged out, and his tokens, least recently used first. */
interface Logins {
  open: number;
  readonly tokens: Map<string, Token>;
}

const WELL_FORMED = /^[A-Za-z0-9_-]{43}=$/;

export class Tokens {
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #byText = new Map<string, Token>();
  readonly #byUser = new Map<string, Logins>();

  /** `lifetimeMs`: server setting `token-expiry-time`. */
  constructor(lifetimeMs: number, clock: Clock, random: Random) {
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#random = random;
  }

  get size(): number {
    return this.#byText.size;
  }

  /** Counts a login of the user and issues a token for it. */
  login(user: string, database: string | undefined): Token {
    let logins = this.#byUser.get(user);
    if (logins === undefined) {
      logins = { open: 0, tokens: new Map() };
      this.#byUser.set(user, logins);
    }
    logins.open++;
    return this.#issue(logins, user, database);
  }

  /** A further token of the same login, for another database. `token` comes from find() and stays good. */
  select(token: Token, database: string): Token {
    const logins = this.#byUser.get(token.user);
    if (logins === undefined) throw new AuthError("not_logged_in", "not logged in");
    return this.#issue(logins, token.user, database);
  }

  /** Throws AuthError `token_malformed`, `not_logged_in` (unknown or logged out) or `token_expired`. */
  find(text: string): Token {
    if (!WELL_FORMED.test(text)) throw new AuthError("token_malformed", "invalid token");
    const token = this.#byText.get(text);
    if (token === undefined) throw new AuthError("not_logged_in", "not logged in");
    if (this.#clock.nowMs() > token.expiresMs) throw new AuthError("token_expired", "token has expired");
    const tokens = this.#byUser.get(token.user)?.tokens;
    tokens?.delete(text);
    tokens?.set(text, token);
    return token;
  }

  /** Takes one login of the user back; with the last one all his tokens go. */
  logout(user: string): void {
    const logins = this.#byUser.get(user);
    if (logins === undefined) return;
    logins.open--;
    if (logins.open <= 0) this.logoutAll(user);
  }

  /** Takes all logins of the user back: what he may do has changed. */
  logoutAll(user: string): void {
    for (const text of this.#byUser.get(user)?.tokens.keys() ?? []) this.#byText.delete(text);
    this.#byUser.delete(user);
  }

  /** Forgets tokens that expired a lifetime ago. */
  sweep(): void {
    const longAgo = this.#clock.nowMs() - this.#lifetimeMs;
    for (const token of this.#byText.values()) if (token.expiresMs < longAgo) this.#forget(token);
  }

  #issue(logins: Logins, user: string, database: string | undefined): Token {
    const [oldest] = logins.tokens.values();
    if (oldest !== undefined && logins.tokens.size >= TOKENS_PER_USER_MAX) this.#forget(oldest);
    const expiresMs = this.#clock.nowMs() + this.#lifetimeMs;
    const token: Token = { text: randomId(this.#random), user, database, expiresMs };
    logins.tokens.set(token.text, token);
    this.#byText.set(token.text, token);
    return token;
  }

  #forget(token: Token): void {
    this.#byText.delete(token.text);
    const logins = this.#byUser.get(token.user);
    logins?.tokens.delete(token.text);
    if (logins?.tokens.size === 0) this.#byUser.delete(token.user);
  }
}
