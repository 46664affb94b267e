// Sessions: what a client opens once and names by id in every call.
//
//   open ──calls──▶ open ──idle longer than idleMs, or older than ageMs──▶ gone
//     └──close──▶ gone
//
// Expiry is exact: find() refuses a session that is over, whether or not a sweep has removed it. A session holds the name
// of its user, not a copy of him, so that changed permissions count from the next call on.

import { toBase64 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { AuthError } from "./errors.ts";
import type { User } from "./permissions.ts";

/** Identifiers of sessions and tokens: 32 random bytes. */
const ID_BYTES = 32;

export interface SessionLimits {
  /** Simultaneous sessions (server setting `max-sessions`). */
  readonly sessionsMax: number;
  /** Simultaneous sessions of one user, the system administrator excepted (server setting `max-sessions-per-user`). Absent: as many. */
  readonly sessionsPerUserMax?: number;
  /** A session unused for longer is over (server settings `max-session-inactivity-time` plus `session-timeout`). */
  readonly idleMs: number;
  /** A session is over at this age whatever it does (server setting `max-session-age-time`); Infinity: never. */
  readonly ageMs: number;
}

export interface Session {
  /** 44 characters of URL-safe base64 with padding (wire contract). */
  readonly id: string;
  readonly user: string;
  readonly openedMs: number;
  usedMs: number;
  /** The selected database. */
  database: string;
}

export class Sessions {
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sessions = new Map<string, Session>();
  readonly #byUser = new Map<string, Set<Session>>();

  constructor(limits: SessionLimits, clock: Clock, random: Random) {
    this.#limits = limits;
    this.#clock = clock;
    this.#random = random;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Throws AuthError `sessions_full` or `user_sessions_full`. */
  open({ name: user, sysadmin }: Pick<User, "name" | "sysadmin">, database: string): Session {
    const { sessionsMax, sessionsPerUserMax = sessionsMax } = this.#limits;
    const ofUser = (): number => this.#byUser.get(user)?.size ?? 0;
    const isFull = (): boolean => this.#sessions.size >= sessionsMax;
    // Somebody must be able to get in and see to it.
    const isUserFull = (): boolean => !sysadmin && ofUser() >= sessionsPerUserMax;
    if (isFull() || isUserFull()) this.sweep();
    if (isFull()) throw new AuthError("sessions_full", "too many sessions", { limit: sessionsMax });
    if (isUserFull()) {
      throw new AuthError("user_sessions_full", "too many sessions of one user", { limit: sessionsPerUserMax });
    }
    const now = this.#clock.nowMs();
    const session: Session = { id: randomId(this.#random), user, openedMs: now, usedMs: now, database };
    this.#sessions.set(session.id, session);
    const sessions = this.#byUser.get(user);
    if (sessions === undefined) this.#byUser.set(user, new Set([session]));
    else sessions.add(session);
    return session;
  }

  /** The session of that id, which counts as used now. Throws AuthError `session_not_found`. */
  find(id: string): Session {
    const session = this.#sessions.get(id);
    const now = this.#clock.nowMs();
    if (session === undefined || this.#isOver(session, now)) {
      if (session !== undefined) this.close(session);
      throw new AuthError("session_not_found", "session not found");
    }
    session.usedMs = now;
    return session;
  }

  /** When the session ends for silence and for age, in milliseconds since the Unix epoch. */
  endOf(session: Session): { readonly inactiveMs: number; readonly expiredMs: number } {
    return { inactiveMs: session.usedMs + this.#limits.idleMs, expiredMs: session.openedMs + this.#limits.ageMs };
  }

  close(session: Session): void {
    this.#sessions.delete(session.id);
    const sessions = this.#byUser.get(session.user);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byUser.delete(session.user);
  }

  /** Ends all sessions of a user: what he may do has changed. */
  closeAllOf(user: string): void {
    for (const session of this.#byUser.get(user) ?? []) this.close(session);
  }

  /** Removes the sessions that are over, and says how many. */
  sweep(): number {
    const before = this.#sessions.size;
    const now = this.#clock.nowMs();
    for (const session of this.#sessions.values()) if (this.#isOver(session, now)) this.close(session);
    return before - this.#sessions.size;
  }

  #isOver(session: Session, now: number): boolean {
    const { inactiveMs, expiredMs } = this.endOf(session);
    return now > inactiveMs || now > expiredMs;
  }
}

/** 44 characters that nobody can guess. */
export function randomId(random: Random): string {
  return toBase64(random.bytes(ID_BYTES)).replaceAll("+", "-").replaceAll("/", "_");
}
