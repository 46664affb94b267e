// One lane of logins (login-guard.ts): how many of them have failed and are under way, and when the next one may begin.

export interface LaneRule {
  /** Failures that cost nothing, and logins at once before there were any. */
  readonly free: number;
  /** Longest pause between two logins after that. */
  readonly pauseMsMax: number;
}

/** The first pause; each further failure doubles it. */
const FIRST_PAUSE_MS = 250;
/** When nobody says that a place is free, it is looked at again so often. */
const LOOK_AGAIN_MS = 1000;

export class Lane {
  readonly #rule: LaneRule;
  readonly #keptMs: number;
  #failures = 0;
  #lastFailureMs = 0;
  #pending = 0;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();
  /** Called when a login that was under way has ended. */
  onLeave: (() => void) | undefined;

  /** `keptMs`: for how long after the last failure they are remembered. */
  constructor(rule: LaneRule, keptMs: number) {
    this.#rule = rule;
    this.#keptMs = keptMs;
  }

  /** Whether nobody would miss it but for its failures. */
  get isIdle(): boolean {
    return this.#pending === 0 && this.#waiting === 0;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get pauseMsMax(): number {
    return this.#rule.pauseMsMax;
  }

  /** Whether so many have failed that logins begin one at a time. */
  isSlowed(nowMs: number): boolean {
    const sinceMs = nowMs - this.#lastFailureMs;
    // A clock that was set back must not keep anybody waiting for hours.
    if (sinceMs > this.#keptMs || sinceMs < -this.#rule.pauseMsMax) this.#failures = 0;
    return this.#failures >= this.#rule.free;
  }

  /** A login begins, if it may. `isFirst`: all who came before it have begun. */
  tryEnter(nowMs: number, isFirst: boolean = this.#waiting === 0): boolean {
    const mayEnter = this.isSlowed(nowMs)
      ? this.#pending === 0 && this.pauseMs(nowMs) === 0
      : this.#failures + this.#pending < this.#rule.free;
    if (!isFirst || !mayEnter) return false;
    this.#pending++;
    return true;
  }

  /** How long to wait before it is worth trying again. */
  waitMs(nowMs: number): number {
    return this.#pending > 0 ? LOOK_AGAIN_MS : this.pauseMs(nowMs);
  }

  /** What is left of the pause after the last failure. */
  pauseMs(nowMs: number): number {
    if (!this.isSlowed(nowMs)) return 0;
    const doublings = Math.min(this.#failures - this.#rule.free, 20);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** doublings, this.#rule.pauseMsMax);
    return Math.max(0, this.#lastFailureMs + pauseMs - nowMs);
  }

  /** Runs what waits for its turn: one after the other, in the order in which they came. */
  async inTurn(wait: () => Promise<void>): Promise<void> {
    this.#waiting++;
    const mine = this.#turn.then(wait);
    this.#turn = mine.catch(() => undefined);
    try {
      await mine;
    } finally {
      this.#waiting--;
    }
  }

  leave(): void {
    this.#pending--;
    this.onLeave?.();
  }

  failed(nowMs: number): void {
    this.#failures++;
    this.#lastFailureMs = nowMs;
  }

  /** Forgets what failed: somebody knew the password. */
  forgive(): void {
    this.#failures = 0;
  }
}
