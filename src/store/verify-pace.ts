// How long work shares a thread: it stops for others every few milliseconds, and tells then how far it has come. Whoever
// asked for it can end it there.

/** What is being gone through, in this order. */
export type VerifyStage = "pages" | "log" | "index";

export interface VerifyProgress {
  readonly stage: VerifyStage;
  /** Pages, transactions or rows. */
  readonly done: number;
  readonly total: number;
}

const TURN_MS = 20;

export class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ((progress: VerifyProgress) => void) | undefined;
  #since: number = performance.now();

  constructor(signal?: AbortSignal, onProgress?: (progress: VerifyProgress) => void) {
    this.#signal = signal;
    this.#onProgress = onProgress;
  }

  /** Whether it is time to rest. */
  get due(): boolean {
    return performance.now() - this.#since >= TURN_MS;
  }

  /** Lets others have a turn. Throws the signal's reason when it was aborted. */
  async rest(stage: VerifyStage, done: number, total: number): Promise<void> {
    this.#onProgress?.({ stage, done, total });
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
