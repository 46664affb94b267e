// Retention: values older than a database's retention period are removed for good, their proofs stay (store/truncate.ts).
//
//   served(database) ── first look, soon ──▶ truncate ── truncationFrequency ──▶ look ──▶ …
//
// What is removed cannot be brought back, and a clock can be wrong. So a look goes by without removing anything when the
// clock did not move by what was waited since the last one (somebody set it, or the machine slept); the next look judges
// anew. Times of transactions do not go backwards where they are written, so the border is found by binary search; those that came
// from elsewhere may have such times, so what lies before it is looked at once more before it is removed.

import type { Clock, Timers } from "../base/clock.ts";
import { RETENTION_CLOCK_TOLERANCE_MS, RETENTION_FIRST_LOOK_MS } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import type { Store } from "../store/store.ts";
import { type DatabaseSettings, retains, type TruncationSettings } from "./settings.ts";
import type { DatabaseWatcher } from "./watcher.ts";

/** What Node's timers can wait at once. */
const WAIT_MS_MAX = 2 ** 31 - 1;

/** Transactions that are looked at in one turn of the event loop. */
const TURN_TXS = 1000n;

/**
 * The first committed transaction that is not older than `periodMs`, of those that still have their values. The last one when
 * all are older: its values stay, so that a database always has a newest transaction with values. 0 when there is none.
 */
export async function firstRetained(store: Store, periodMs: number, nowMs: number): Promise<bigint> {
  const from = earliest(periodMs, nowMs);
  let low = 1n;
  let high = store.committed.txId;
  while (low < high) {
    const middle = (low + high) / 2n;
    if (isBefore(store, middle, from)) low = middle + 1n;
    else high = middle;
  }
  for (let txId = store.truncatedBefore; txId < high; txId++) {
    if (!isBefore(store, txId, from)) return txId;
    if (txId % TURN_TXS === 0n) await new Promise((resolve) => setImmediate(resolve));
  }
  return high;
}

/** Whether the first transaction is older than that, and not the last one. */
export function isFirstOlder(store: Store, periodMs: number, nowMs: number): boolean {
  return store.committed.txId > 1n && isBefore(store, 1n, earliest(periodMs, nowMs));
}

/** Unix seconds. */
function earliest(periodMs: number, nowMs: number): bigint {
  return BigInt(Math.ceil((nowMs - periodMs) / 1000));
}

function isBefore(store: Store, txId: bigint, from: bigint): boolean {
  const { ts } = store.log.header(txId);
  // Without a time: nobody knows how old it is, and what is removed cannot be brought back.
  return ts !== 0n && ts < from;
}

export interface RetentionParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Removes values older than `periodMs`; resolves with the first transaction that keeps them. */
  readonly truncate: (database: string, periodMs: number) => Promise<bigint>;
}

/** Looks through the databases that have a retention period, each as often as its settings say. */
export class RetentionSchedule implements DatabaseWatcher {
  readonly #parts: RetentionParts;
  /** What calls off the next look, by name. */
  readonly #waiting = new Map<string, () => void>();

  /** What is waited for, by name. */
  readonly #known = new Map<string, TruncationSettings>();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** From now on the database is looked at as its settings say. The next look stays where it is when nothing of that changed. */
  served(database: string, settings: DatabaseSettings): void {
    const { retentionPeriod, truncationFrequency } = settings.truncationSettings;
    const known = this.#known.get(database);
    if (known?.retentionPeriod === retentionPeriod && known.truncationFrequency === truncationFrequency) return;
    this.notServed(database);
    if (!retains(settings)) return;
    this.#known.set(database, settings.truncationSettings);
    this.#lookIn(Math.min(truncationFrequency, RETENTION_FIRST_LOOK_MS), database, settings);
  }

  /** No look begins any more. */
  notServed(database: string): void {
    this.#waiting.get(database)?.();
    this.#waiting.delete(database);
    this.#known.delete(database);
  }

  #lookIn(ms: number, database: string, settings: DatabaseSettings): void {
    const { clock, timers } = this.#parts;
    const expectedMs = clock.nowMs() + ms;
    const wait = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, WAIT_MS_MAX);
      const next = (): void => {
        if (leftMs > stepMs) wait(leftMs - stepMs);
        else void this.#look(expectedMs, database, settings);
      };
      this.#waiting.set(database, timers.after(stepMs, next));
    };
    wait(ms);
  }

  async #look(expectedMs: number, database: string, settings: DatabaseSettings): Promise<void> {
    const { clock, logger, truncate } = this.#parts;
    const { retentionPeriod, truncationFrequency } = settings.truncationSettings;
    this.#lookIn(truncationFrequency, database, settings);
    const aheadMs = clock.nowMs() - expectedMs;
    if (Math.abs(aheadMs) > RETENTION_CLOCK_TOLERANCE_MS) {
      logger.warn({ database, aheadMs }, "the clock was set: values are looked through for old ones the next time");
      return;
    }
    try {
      const keptFrom = await truncate(database, retentionPeriod);
      logger.info({ database, keptFrom: String(keptFrom) }, "values older than the retention period are removed");
    } catch (error) {
      logger.error({ database, err: error }, "removing old values failed: it is tried again the next time");
    }
  }
}
