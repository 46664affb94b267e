// Transactions that are being written, in order, so many at a time. The first one that fails fails all: what follows it
// cannot be stored.

import type { Clock } from "../base/clock.ts";
import type { Fetched } from "./fetch-window.ts";
import type { LocalReplica } from "./local.ts";
import type { ReplicaMeter } from "./replica-meter.ts";

export interface ApplyParts {
  readonly local: LocalReplica;
  /** Transactions written at once. */
  readonly max: number;
  readonly clock: Clock;
  readonly meter: ReplicaMeter;
  /** Told when a transaction is on disk. */
  readonly onApplied: (tx: Fetched) => void;
}

export class ApplyQueue {
  readonly #parts: ApplyParts;
  readonly #running = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(parts: ApplyParts) {
    this.#parts = parts;
    this.#failed.promise.catch(() => undefined);
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** Rejects with the first failure; resolves never. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Resolves when one more may be written. Rejects with what failed. */
  async room(): Promise<void> {
    const { clock, max, meter } = this.#parts;
    const startedMs = clock.nowMs();
    while (this.#running.size >= max) await Promise.race([...this.#running, this.failed]);
    meter.waited(clock.nowMs() - startedMs);
  }

  /** Begins to write a transaction. */
  add(tx: Fetched, blob: Uint8Array): void {
    const { local, meter, onApplied, clock } = this.#parts;
    const startedMs = clock.nowMs();
    const end = (): void => {
      this.#running.delete(running);
      meter.applying(this.#running.size);
    };
    const running = local.apply(blob).then(
      () => {
        end();
        meter.applied(clock.nowMs() - startedMs);
        onApplied(tx);
      },
      (error: unknown) => {
        end();
        this.#failed.reject(error);
      },
    );
    this.#running.add(running);
    meter.applying(this.#running.size);
  }

  /** Resolves when all is on disk. Rejects with what failed. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.race([Promise.all(this.#running), this.failed]);
  }

  /** Resolves when nothing is under way, whatever became of it. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}
