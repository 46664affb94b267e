// Which environments of a database may end this process, because the last process that had them open died. They are opened
// distrusted (checked-engine.ts), however often, until all their pages were found sound.
//
//   distrusted ── all of it was looked at, or it was made anew ──▶ trusted
//        └─ damaged, or it cannot be looked at ──▶ reported: the database must be closed

import type { EngineDriver } from "./engine.ts";

export type OnUnsound = (directory: string, error: unknown) => void;

/** The driver of one database, which knows what it must not trust. */
export class Trust {
  readonly driver: EngineDriver;
  readonly #distrusted: Set<string>;
  readonly #unsound = new Map<string, unknown>();
  #report: OnUnsound | undefined;

  constructor(driver: EngineDriver, distrusted: readonly string[]) {
    this.#distrusted = new Set(distrusted);
    this.driver = {
      ...driver,
      open: async (directory, options) => {
        const engine = await driver.open(directory, { ...options, distrusted: this.#distrusted.has(directory) });
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
