// Which environments of a database may end this process, because the last process that had them open died. They are opened
// distrusted (checked-engine.ts), however often, until all their pages were found sound.
//
//   distrusted ── all of it was looked at, or it was made anew ──▶ trusted
//        └─ damaged, or it cannot be looked at ──▶ reported: the database must be closed

import type { EngineDriver } from "./engine.ts";

export interface TrustOptions {
  /** Directories of environments that must not be trusted. */
  readonly distrusted: readonly string[];
  /** Directories of those that were closed, as long as nobody has opened them. */
  readonly closedCleanly: readonly string[];
  /** As of EngineOptions, for all of them together. */
  readonly beforeWrites: () => Promise<void>;
}

export type OnUnsound = (directory: string, error: unknown) => void;

/** The driver of one database, which knows what it must not trust. */
export class Trust {
  readonly driver: EngineDriver;
  readonly #distrusted: Set<string>;
  readonly #unsound = new Map<string, unknown>();
  #report: OnUnsound | undefined;

  constructor(driver: EngineDriver, options: TrustOptions) {
    const beforeWrites = once(options.beforeWrites);
    this.#distrusted = new Set(options.distrusted);
    const closedCleanly = new Set(options.closedCleanly);
    this.driver = {
      ...driver,
      open: async (directory, options) => {
        const distrusted = this.#distrusted.has(directory);
        // Only once: who opens it again does so since something went wrong.
        const wasClosed = closedCleanly.delete(directory);
        const engine = await driver.open(directory, { ...options, distrusted, closedCleanly: wasClosed, beforeWrites });
        if (engine.sound === undefined) this.#distrusted.delete(directory);
        else void this.#watch(directory, engine.sound);
        return engine;
      },
      destroy: async (directory) => {
        await driver.destroy(directory);
        this.#distrusted.delete(directory);
      },
      move: async (from, to) => {
        await driver.move(from, to);
        if (this.#distrusted.delete(from)) this.#distrusted.add(to);
        else this.#distrusted.delete(to);
      },
    };
  }

  /** Whether nothing is distrusted any more. */
  get isWhole(): boolean {
    return this.#distrusted.size === 0;
  }

  /** Tells once, at once or later, of the first environment that is not sound. */
  report(report: OnUnsound): void {
    this.#report = report;
    for (const [directory, error] of this.#unsound) this.#tell(directory, error);
  }

  #tell(directory: string, error: unknown): void {
    // One that was dropped meanwhile is nobody's concern.
    if (this.#report === undefined || !this.#distrusted.has(directory)) return;
    this.#report(directory, error);
    this.#report = undefined;
  }

  async #watch(directory: string, sound: Promise<void>): Promise<void> {
    try {
      await sound;
      this.#distrusted.delete(directory);
    } catch (error) {
      this.#unsound.set(directory, error);
      this.#tell(directory, error);
    }
  }
}

/** Runs it until it succeeded, and not twice at a time. */
function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}
