// Login tokens: the older way in, kept because many clients use it. Opaque random text; the database it selects is fixed
// when it is issued, so UseDatabase issues another one.
//
// A logout ends the login that its token belongs to, with all tokens of that login: another program of the same user stays
// logged in. Tokens do not survive a restart, and an expired one is remembered for one lifetime more, so that a
// client can be told `token has expired` rather than that he never logged in.

import type { Clock } from "../base/clock.ts";
import { TOKENS_PER_USER_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { AuthError } from "./errors.ts";
import { randomId } from "./sessions.ts";

export interface Token {
  readonly text: string;
  readonly user: string;
  /** Tokens of one login have the same number. */
  readonly login: number;
  /** undefined until a database is selected. */
  readonly database: string | undefined;
  readonly expiresMs: number;
}

const WELL_FORMED = /^[A-Za-z0-9_-]{43}=$/;

export class Tokens {
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #byText = new Map<string, Token>();
  /** Those of each user, least recently used first. */
  readonly #byUser = new Map<string, Map<string, Token>>();
  #logins = 0;

  /** `lifetimeMs`: server setting `token-expiry-time`. */
  constructor(lifetimeMs: number, clock: Clock, random: Random) {
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#random = random;
  }

  get size(): number {
    return this.#byText.size;
  }

  /** A token for a new login of the user. */
  login(user: string, database: string | undefined): Token {
    return this.#issue(user, ++this.#logins, database);
  }

  /** A further token of the same login, for another database. `token` comes from find() and stays good. */
  select(token: Token, database: string): Token {
    if (!this.#byText.has(token.text)) throw new AuthError("not_logged_in", "not logged in");
    return this.#issue(token.user, token.login, database);
  }

  /** Throws AuthError `token_malformed`, `not_logged_in` (unknown or logged out) or `token_expired`. */
  find(text: string): Token {
    if (!WELL_FORMED.test(text)) throw new AuthError("token_malformed", "invalid token");
    const token = this.#byText.get(text);
    if (token === undefined) throw new AuthError("not_logged_in", "not logged in");
    if (this.#clock.nowMs() > token.expiresMs) throw new AuthError("token_expired", "token has expired");
    const tokens = this.#byUser.get(token.user);
    tokens?.delete(text);
    tokens?.set(text, token);
    return token;
  }

  /** Ends the login of a token. */
  logout({ user, login }: Token): void {
    for (const token of this.#byUser.get(user)?.values() ?? []) if (token.login === login) this.#forget(token);
  }

  /** Ends all logins of the user: what he may do has changed. */
  logoutAll(user: string): void {
    for (const text of this.#byUser.get(user)?.keys() ?? []) this.#byText.delete(text);
    this.#byUser.delete(user);
  }

  /** Forgets tokens that expired a lifetime ago. */
  sweep(): void {
    const longAgo = this.#clock.nowMs() - this.#lifetimeMs;
    for (const token of this.#byText.values()) if (token.expiresMs < longAgo) this.#forget(token);
  }

  #issue(user: string, login: number, database: string | undefined): Token {
    const [oldest] = this.#byUser.get(user)?.values() ?? [];
    if (oldest !== undefined && (this.#byUser.get(user)?.size ?? 0) >= TOKENS_PER_USER_MAX) this.#forget(oldest);
    const expiresMs = this.#clock.nowMs() + this.#lifetimeMs;
    const token: Token = { text: randomId(this.#random), user, login, database, expiresMs };
    this.#byText.set(token.text, token);
    const tokens = this.#byUser.get(user);
    if (tokens === undefined) this.#byUser.set(user, new Map([[token.text, token]]));
    else tokens.set(token.text, token);
    return token;
  }

  #forget(token: Token): void {
    this.#byText.delete(token.text);
    const tokens = this.#byUser.get(token.user);
    tokens?.delete(token.text);
    if (tokens?.size === 0) this.#byUser.delete(token.user);
  }
}
