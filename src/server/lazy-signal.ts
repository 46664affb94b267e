// Tells who waits in a call that nobody waits for its answer any more. Most calls never ask, and making an AbortController,
// its signal and a timer for each of them would cost more than the call.

const TIMER_MS_MAX = 2 ** 31 - 1;

export class LazySignal {
  readonly #stopping: AbortSignal;
  /** As performance.now() counts; undefined: none. */
  readonly #deadline: number | undefined;
  #controller: AbortController | undefined;
  /** Aborts it. Made with it, so that it costs nothing where nobody asks. */
  #onAbort: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isGone = false;

  /** `stopping`: the server's. `timeoutMs`: how long the caller waits; undefined: as long as it takes. */
  constructor(stopping: AbortSignal, timeoutMs?: number) {
    this.#stopping = stopping;
    this.#deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  /** Aborts when the caller has gone, his deadline has passed or the server stops. */
  get(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    if (this.#isGone || this.#stopping.aborted) {
      controller.abort();
      return controller.signal;
    }
    const onAbort = (): void => controller.abort();
    this.#onAbort = onAbort;
    this.#stopping.addEventListener("abort", onAbort);
    if (this.#deadline !== undefined) {
      const leftMs = Math.max(Math.ceil(this.#deadline - performance.now()), 0);
      if (leftMs <= TIMER_MS_MAX) this.#timer = setTimeout(onAbort, leftMs);
    }
    return controller.signal;
  }

  /** The caller has gone. */
  abort(): void {
    this.#isGone = true;
    this.#controller?.abort();
    this.end();
  }

  /** The call has been answered: nothing waits for anything any more. */
  end(): void {
    if (this.#onAbort === undefined) return;
    this.#stopping.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#timer);
  }
}
