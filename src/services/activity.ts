// What each database is doing, for DatabaseHealth.

import type { Clock } from "../base/clock.ts";

interface Activity {
  pending: number;
  lastCompletedMs: number;
}

export class DatabaseActivity {
  readonly #clock: Clock;
  /** By name, since a database may be closed between calls. Names are never used again. */
  readonly #byDatabase = new Map<string, Activity>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call on the database has begun. */
  begin(database: string): void {
    const activity = this.#byDatabase.get(database);
    if (activity === undefined) this.#byDatabase.set(database, { pending: 1, lastCompletedMs: 0 });
    else activity.pending++;
  }

  /** A call that began has been answered. */
  end(database: string): void {
    const activity = this.#byDatabase.get(database);
    if (activity === undefined) return;
    activity.pending--;
    activity.lastCompletedMs = this.#clock.nowMs();
  }

  /** Calls under way, and when the last one was answered (milliseconds since the Unix epoch; 0: never). */
  of(database: string): Readonly<Activity> {
    return this.#byDatabase.get(database) ?? { pending: 0, lastCompletedMs: 0 };
  }
}
