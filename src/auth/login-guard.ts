// Slows down whoever guesses passwords, and nobody else. A login passes lanes, one after the other:
//
//   from an address from which this user has logged in before:   user and address
//   from any other:                                              address ─▶ user and address ─▶ user
//
//   a lane   as many at once as may fail freely ── too many failed ──▶ one at a time, with a pause that doubles up to a
//            limit; two may wait for that, more are refused ── no failure for a while ──▶ as in the beginning
//   of the lane "user", which attackers from everywhere share, only the pause is kept: nobody is refused because of it
//
// So an attacker cannot keep the user out who comes from where he always comes, unless from that same place and under the same
// name; and a guess costs the same, and is answered the same, whether or not there is such a user. Everything is bounded:
// lanes that were not used for longest are forgotten.

import type { Clock, Timers } from "../base/clock.ts";
import {
  FAILED_LOGIN_KEPT_MS,
  FAILURE_PAUSE_OF_ADDRESS_MS,
  FAILURE_PAUSE_OF_PAIR_MS,
  FAILURE_PAUSE_OF_USER_MS,
  FREE_FAILURES_OF_ADDRESS,
  FREE_FAILURES_OF_PAIR,
  FREE_FAILURES_OF_USER,
  KNOWN_LOGINS_MAX,
  LOGIN_LANES_MAX,
  LOGINS_WAITING_MAX,
  PASSWORD_CHECKS_WAITING_MAX,
  SLOWED_LOGINS_WAITING_MAX,
  USERNAME_LENGTH_MAX,
} from "../base/limits.ts";
import { addressGroup } from "./address-group.ts";
import { AuthError } from "./errors.ts";
import { Lane, type LaneRule } from "./login-lane.ts";
import { RecentMap } from "./recent-map.ts";

const PAIR: LaneRule = { free: FREE_FAILURES_OF_PAIR, pauseMsMax: FAILURE_PAUSE_OF_PAIR_MS };
const ADDRESS: LaneRule = { free: FREE_FAILURES_OF_ADDRESS, pauseMsMax: FAILURE_PAUSE_OF_ADDRESS_MS };
const USER: LaneRule = { free: FREE_FAILURES_OF_USER, pauseMsMax: FAILURE_PAUSE_OF_USER_MS };

/** Who wants to be somebody, and from where. */
export interface LoginAttempt {
  readonly user: string;
  readonly address: string;
}

export class LoginGuard {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #lanes = new RecentMap<Lane>(LOGIN_LANES_MAX, (lane) => lane.isIdle);
  /** Pairs of user and address of logins that succeeded. */
  readonly #known = new RecentMap<true>(KNOWN_LOGINS_MAX);
  #waiting = 0;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /**
   * Runs the check of a password when its turn has come. What it throws counts as a failed login when that is
   * `invalid_credentials`. `signal`: aborts when the caller has gone; asked for only when he must wait. Throws AuthError
   * `login_slowed`, `overloaded`, `login_abandoned`.
   */
  async attempt<T>({ user, address }: LoginAttempt, check: () => Promise<T>, signal: () => AbortSignal): Promise<T> {
    // No user has a longer name: all of these are one.
    const name = user.length > USERNAME_LENGTH_MAX ? "" : user;
    const group = addressGroup(address);
    const pair = `pair ${name} ${group}`;
    const isKnown = this.#known.get(pair) !== undefined;
    const shared = this.#lane(`user ${name}`, USER);
    const entered: Lane[] = [];
    try {
      if (!isKnown) entered.push(await this.#enter(this.#lane(`address ${group}`, ADDRESS), signal));
      entered.push(await this.#enter(this.#lane(pair, PAIR), signal));
      if (!isKnown) await this.#sleep(shared.pauseMs(this.#clock.nowMs()), signal);
      const result = await check();
      this.#known.set(pair, true);
      entered.at(-1)?.forgive();
      return result;
    } catch (error) {
      if (error instanceof AuthError && error.code === "invalid_credentials") {
        for (const lane of [...entered, shared]) lane.failed(this.#clock.nowMs());
      }
      throw error;
    } finally {
      for (const lane of entered) lane.leave();
    }
  }

  #lane(key: string, rule: LaneRule): Lane {
    const lane = this.#lanes.get(key) ?? new Lane(rule, FAILED_LOGIN_KEPT_MS);
    this.#lanes.set(key, lane);
    return lane;
  }

  async #enter(lane: Lane, signal: () => AbortSignal): Promise<Lane> {
    const now = (): number => this.#clock.nowMs();
    if (lane.tryEnter(now())) return lane;
    const limit = PASSWORD_CHECKS_WAITING_MAX;
    if (lane.isSlowed(now()) && lane.waiting >= SLOWED_LOGINS_WAITING_MAX) throw slowed(lane);
    if (this.#waiting >= LOGINS_WAITING_MAX || lane.waiting >= limit) {
      throw new AuthError("overloaded", "too many logins at once", { limit });
    }
    this.#waiting++;
    try {
      await lane.inTurn(async () => {
        while (!lane.tryEnter(now(), true)) {
          // So many had come before it was slowed.
          if (lane.isSlowed(now()) && lane.waiting > SLOWED_LOGINS_WAITING_MAX) throw slowed(lane);
          await this.#sleep(lane.waitMs(now()), signal, lane);
        }
      });
    } finally {
      this.#waiting--;
    }
    return lane;
  }

  /** Waits so long, at most until somebody leaves the lane. Throws AuthError `login_abandoned`. */
  #sleep(ms: number, signal: () => AbortSignal, lane?: Lane): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    const gone = signal();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        cancel();
        gone.removeEventListener("abort", onGone);
        if (lane !== undefined) lane.onLeave = undefined;
        settle();
      };
      const onGone = (): void => end(() => reject(new AuthError("login_abandoned", "the caller went away")));
      const cancel = this.#timers.after(ms, () => end(resolve));
      gone.addEventListener("abort", onGone, { once: true });
      if (lane !== undefined) lane.onLeave = () => end(resolve);
      if (gone.aborted) onGone();
    });
  }
}

function slowed({ pauseMsMax }: Lane): AuthError {
  const seconds = Math.ceil((pauseMsMax * SLOWED_LOGINS_WAITING_MAX) / 1000);
  return new AuthError("login_slowed", "too many failed logins", { seconds });
}
