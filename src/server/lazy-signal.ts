// Tells who waits in a call that nobody waits for its answer any more. Most calls never ask, and making an AbortController,
// its signal and a timer for each of them would cost more than the call.

const DEADLINE_MS_MAX = 2 ** 31 - 1;

export class LazySignal {
  readonly #stopping: AbortSignal;
  /** As performance.now() counts; undefined: none. */
  readonly #deadline: number | undefined;
  #gone: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #isGone = false;

  /** `stopping`: the server's. `timeoutMs`: how long the caller waits; undefined: as long as it takes. */
  constructor(stopping: AbortSignal, timeoutMs?: number) {
    this.#stopping = stopping;
    this.#deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  /** Aborts when the caller has gone, his deadline has passed or the server stops. */
  get(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    this.#gone = new AbortController();
    const signals = [this.#gone.signal, this.#stopping];
    if (this.#deadline !== undefined) {
      const leftMs = Math.ceil(this.#deadline - performance.now());
      signals.push(AbortSignal.timeout(Math.min(Math.max(leftMs, 0), DEADLINE_MS_MAX)));
    }
    this.#signal = AbortSignal.any(signals);
    if (this.#isGone) this.#gone.abort();
    return this.#signal;
  }

  /** The caller has gone. */
  abort(): void {
    this.#isGone = true;
    this.#gone?.abort();
  }
}
