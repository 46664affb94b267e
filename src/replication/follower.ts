// Follows a primary over one connection, until something fails.
//
//   asynchronous   next is asked for ── there ──▶ written, and committed ── next
//                       ▲      └────── not there: a pause, longer and longer ──┐
//                       └──────────────────────────────────────────────────────┘
//   synchronous    all that was fetched is on disk ──▶ next is asked for, with what is here: an acknowledgement. The primary
//                  answers with the transaction when there is one, or with how far may be committed, when that is news; as
//                  long as transactions come, more and more are asked for ahead, without acknowledging (a burst). A primary
//                  that keeps such a question waiting until it has something is told beside it what is here, whenever
//                  that is more: with each sync. One that says that there is nothing is asked as above
//
// What the primary has committed is asked for ahead in either way, `prefetchTxBufferSize` calls at a time.

import type { Clock } from "../base/clock.ts";
import {
  REPLICATION_BYTES_AHEAD_MAX,
  REPLICATION_POLL_MS_MAX,
  REPLICATION_POLL_MS_MIN,
  REPLICATION_PREFETCH_DEFAULT,
} from "../base/limits.ts";
import type { TxPoint } from "../client/errors.ts";
import type { ReplicaPoint } from "../client/replication.ts";
import type { ReplicationSettings } from "../database/replication-settings.ts";
import { ApplyQueue } from "./apply-queue.ts";
import { Commits } from "./commits.ts";
import { type Fetched, FetchWindow } from "./fetch-window.ts";
import type { LocalReplica, LocalState } from "./local.ts";
import type { Primary } from "./primary.ts";
import type { ReplicaMeter } from "./replica-meter.ts";
import { requireSameHistory } from "./same-history.ts";

export interface FollowerParts {
  readonly primary: Primary;
  readonly local: LocalReplica;
  readonly settings: ReplicationSettings;
  readonly clock: Clock;
  readonly meter: ReplicaMeter;
  readonly signal: AbortSignal;
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  readonly pause: (ms: number) => Promise<void>;
  /** Told when the connection has been of use. */
  readonly onProgress: () => void;
}

/** Resolves never; rejects with what failed, after everything under way has ended, or with the reason of the signal. */
export async function follow(parts: FollowerParts): Promise<never> {
  const { primary, local, settings, signal } = parts;
  const state = await local.state();
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  using window = new FetchWindow({
    primary,
    from: state.precommitted.txId + 1n,
    ahead: prefetchOf(settings),
    bytesMax: REPLICATION_BYTES_AHEAD_MAX,
    allowPrecommitted: settings.syncReplication,
    skipIntegrityCheck: settings.skipIntegrityCheck,
  });
  const follower = new Follower(parts, window, state);
  try {
    const known = requireSameHistory(primary, state, settings.syncReplication, signal);
    return await Promise.race([known.then((txId) => follower.run(txId)), stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    window[Symbol.dispose]();
    await follower.ended();
  }
}

class Follower {
  readonly #parts: FollowerParts;
  readonly #window: FetchWindow;
  readonly #queue: ApplyQueue;
  readonly #commits: Commits;
  readonly #failed: Promise<never>;
  readonly #reportFailed = Promise.withResolvers<never>();
  readonly #ahead: number;
  /** Transactions taken since the primary was last told what is here. */
  #burst = 0;
  #askedMs = 0;
  /** Last transaction that is on disk, and the last one of which the primary was told that. */
  #written: bigint;
  #told: bigint;
  #isReporting = false;
  #pollMs = REPLICATION_POLL_MS_MIN;

  constructor(parts: FollowerParts, window: FetchWindow, state: LocalState) {
    const { local, settings, clock, meter } = parts;
    this.#parts = parts;
    this.#window = window;
    this.#ahead = prefetchOf(settings);
    this.#written = state.precommitted.txId;
    this.#told = state.precommitted.txId;
    this.#commits = new Commits(local, state.committed, settings.syncReplication);
    // All that was fetched ahead may wait for the same sync: one thread writes, whatever replicationCommitConcurrency says.
    meter.appliers(this.#ahead);
    this.#queue = new ApplyQueue({ local, max: this.#ahead, clock, meter, onApplied: (tx) => this.#applied(tx) });
    this.#failed = Promise.race([this.#commits.failed, this.#queue.failed, this.#reportFailed.promise]);
    this.#failed.catch(() => undefined);
  }

  async run(known: bigint | undefined): Promise<never> {
    this.#learn(known, undefined);
    for (;;) {
      this.#window.fill();
      if (!this.#window.isAsked) await this.#askNext();
      this.#report();
      const fetched = await Promise.race([this.#window.take(), this.#failed]);
      const { blob, committedTxId, mayCommit } = fetched.answer;
      const isNews = this.#learn(committedTxId, mayCommit);
      if (blob !== undefined) await this.#take(fetched, blob);
      else if (!isNews) await this.#nothing();
    }
  }

  /** Resolves when nothing is under way any more. */
  async ended(): Promise<void> {
    await this.#queue.ended();
    await this.#commits.ended();
  }

  async #askNext(): Promise<void> {
    const { settings, clock } = this.#parts;
    // What the primary has committed needs no acknowledgement.
    const acknowledges = settings.syncReplication && this.#window.next > this.#window.known;
    if (acknowledges) await this.#queue.drained();
    const replica = acknowledges ? await this.#point() : undefined;
    this.#askedMs = clock.nowMs();
    this.#burst = 0;
    this.#window.ask(replica);
  }

  /** What is here, as the primary is told. What is being committed counts: it would go on telling that it may be. */
  async #point(): Promise<ReplicaPoint> {
    const { local } = this.#parts;
    const { precommitted } = await local.state();
    this.#told = precommitted.txId;
    return { uuid: local.uuid, committed: this.#commits.point, precommitted };
  }

  async #take(fetched: Fetched, blob: Uint8Array): Promise<void> {
    await this.#queue.room();
    this.#queue.add(fetched, blob);
    this.#parts.onProgress();
    this.#pollMs = REPLICATION_POLL_MS_MIN;
    if (!this.#parts.settings.syncReplication || fetched.txId <= this.#window.known) return;
    this.#burst++;
    this.#window.probes = Math.min(this.#burst, this.#ahead);
  }

  async #nothing(): Promise<void> {
    const { pause, clock, onProgress } = this.#parts;
    this.#window.probes = 0;
    // The first one beyond a burst: it was asked for without the primary having been told what is here.
    if (this.#burst > 0) return;
    onProgress();
    // A primary that waited before it said that there is nothing is asked again at once.
    if (clock.nowMs() - this.#askedMs >= REPLICATION_POLL_MS_MAX) return;
    await pause(this.#pollMs);
    this.#pollMs = Math.min(2 * this.#pollMs, REPLICATION_POLL_MS_MAX);
  }

  /** Takes in what the primary says of itself. Returns whether more may be committed than before. */
  #learn(committedTxId: bigint | undefined, mayCommit: TxPoint | undefined): boolean {
    if (committedTxId !== undefined) this.#window.learn(committedTxId);
    const isNews = this.#commits.allow(committedTxId ?? 0n, mayCommit);
    if (isNews) this.#parts.meter.mayCommit(this.#commits.allowed);
    this.#measureLag();
    return isNews;
  }

  #applied(tx: Fetched): void {
    this.#window.release(tx.bytes);
    this.#commits.applied(tx.txId);
    this.#written = tx.txId;
    this.#measureLag();
    this.#report();
  }

  /** Tells the primary what is here, while it is being asked for what it may not have. One such call after the other. */
  #report(): void {
    const { syncReplication } = this.#parts.settings;
    // What the primary has committed needs no acknowledgement.
    const isNews = this.#written > this.#told && this.#written > this.#window.known;
    if (!syncReplication || !isNews || this.#isReporting || !this.#window.isAsked) return;
    this.#isReporting = true;
    this.#reportNow().then(
      () => {
        this.#isReporting = false;
        this.#report();
      },
      (error: unknown) => this.#reportFailed.reject(error),
    );
  }

  async #reportNow(): Promise<void> {
    const { committedTxId, mayCommit } = await this.#window.askBeside(await this.#point());
    this.#learn(committedTxId, mayCommit);
  }

  #measureLag(): void {
    this.#parts.meter.lag(this.#window.known, this.#commits.committed);
  }
}

function prefetchOf({ prefetchTxBufferSize }: ReplicationSettings): number {
  return prefetchTxBufferSize || REPLICATION_PREFETCH_DEFAULT;
}
