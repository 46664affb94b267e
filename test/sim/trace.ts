// What happened in a run, in order: the last events for people, a digest of all of them for comparing runs.

import { createHash } from "node:crypto";

const EVENTS_KEPT = 30;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #last: string[] = [];
  #count = 0;

  note(event: string): void {
    this.#count++;
    this.#hash.update(`${event}\n`);
    this.#last.push(`${this.#count}  ${event}`);
    if (this.#last.length > EVENTS_KEPT) this.#last.shift();
  }

  /** The last events, oldest first. */
  get last(): readonly string[] {
    return this.#last;
  }

  /** The same for two runs exactly when the same happened in them. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
