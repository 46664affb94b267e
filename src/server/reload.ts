// What a running server reads again when it is told to (SIGHUP): certificates, keys, the log file. Each is replaced as a whole
// or kept as it was, and nobody is disconnected.

import type { Logger } from "../base/observe.ts";

/** Reads something again. Throws when what is there now cannot be used; then the old one must go on. */
export type Reload = () => void | Promise<void>;

export class Reloads {
  readonly #reloads: Map<string, Reload> = new Map();
  readonly #logger: Logger;
  #running: Promise<void> = Promise.resolve();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `what`: for the log, such as "the signing key". */
  add(what: string, reload: Reload): void {
    this.#reloads.set(what, reload);
  }

  /** Reloads everything, one after the other, after what an earlier call began. Failures are logged, and never thrown. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#all());
    return this.#running;
  }

  async #all(): Promise<void> {
    for (const [what, reload] of this.#reloads) {
      try {
        await reload();
        this.#logger.info({ what }, "read again");
      } catch (error) {
        this.#logger.error({ what, err: error }, "could not be read again: the old one stays in use");
      }
    }
  }
}
