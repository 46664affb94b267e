// What each database is doing, for DatabaseHealth.

import type { Clock } from "../base/clock.ts";
import type { Database } from "../database/database.ts";

interface Activity {
  pending: number;
  lastCompletedMs: number;
}

export class DatabaseActivity {
  readonly #clock: Clock;
  readonly #byDatabase = new WeakMap<Database, Activity>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call on the database has begun. */
  begin(database: Database): void {
    const activity = this.#byDatabase.get(database);
    if (activity === undefined) this.#byDatabase.set(database, { pending: 1, lastCompletedMs: 0 });
    else activity.pending++;
  }

  /** A call that began has been answered. */
  end(database: Database): void {
    const activity = this.#byDatabase.get(database);
    if (activity === undefined) return;
    activity.pending--;
    activity.lastCompletedMs = this.#clock.nowMs();
  }

  /** Calls under way, and when the last one was answered (milliseconds since the Unix epoch; 0: never). */
  of(database: Database): Readonly<Activity> {
    return this.#byDatabase.get(database) ?? { pending: 0, lastCompletedMs: 0 };
  }
}
