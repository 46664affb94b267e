// Clock and timers of a test: time stands still until the test lets it pass.

import type { Clock, Timers } from "../../src/base/clock.ts";

interface Pending {
  readonly atMs: number;
  readonly action: () => void;
}

export class TestTime implements Clock, Timers {
  #wallMs: number;
  /** What timers go by: never set, only passing. */
  #passedMs = 0;
  #pending: Pending[] = [];

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  after(ms: number, action: () => void): () => void {
    const pending: Pending = { atMs: this.#passedMs + ms, action };
    this.#pending.push(pending);
    return () => {
      this.#pending = this.#pending.filter((one) => one !== pending);
    };
  }

  /** How many actions wait for their time. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Lets time pass: what is due happens, in order. */
  pass(ms: number): void {
    const until = this.#passedMs + ms;
    for (;;) {
      const [next] = this.#pending.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#pending = this.#pending.filter((one) => one !== next);
      this.#advance(next.atMs - this.#passedMs);
      next.action();
    }
    this.#advance(until - this.#passedMs);
  }

  /** Somebody sets the clock. */
  set(byMs: number): void {
    this.#wallMs += byMs;
  }

  #advance(ms: number): void {
    this.#passedMs += ms;
    this.#wallMs += ms;
  }
}
