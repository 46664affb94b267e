// Keeps one replica with its primary, as long as it is not stopped.
//
//   connecting ── connected ──▶ following ── fails ──▶ waiting ── time has passed ──▶ connecting
//                                   │  what is written and not committed is another history, and may be dropped: connecting
//                                   └──▶ diverged: over, until the settings change or the database is loaded anew
//
// The wait doubles from REPLICATION_RETRY_MS_MIN to _MAX, with chance in it, so that replicas do not return all at once; what
// comes of a connection sets it back.

import type { Clock, Timers } from "../base/clock.ts";
import { REPLICATION_RETRY_MS_MAX, REPLICATION_RETRY_MS_MIN } from "../base/limits.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { Random } from "../base/random.ts";
import type { ReplicationSettings } from "../database/replication-settings.ts";
import { divergenceOf, type ReplicationError } from "./errors.ts";
import { follow } from "./follower.ts";
import type { LocalReplica } from "./local.ts";
import { type Primary, primaryAddress } from "./primary.ts";
import { ReplicaMeter } from "./replica-meter.ts";

export interface PullerParts {
  readonly local: LocalReplica;
  readonly settings: ReplicationSettings;
  readonly connect: (settings: ReplicationSettings, database: string, signal: AbortSignal) => Promise<Primary>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
}

export type PullerState = "connecting" | "following" | "waiting" | "diverged" | "stopped";

export class Puller {
  readonly #parts: PullerParts;
  readonly #meter: ReplicaMeter;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #state: PullerState = "connecting";
  #retryMs = REPLICATION_RETRY_MS_MIN;
  /** What was last complained of: not again for each attempt. */
  #complaint = "";

  /** Begins at once. */
  constructor(parts: PullerParts) {
    this.#parts = parts;
    this.#meter = new ReplicaMeter(parts.meter, parts.local.name);
    this.#running = this.#run();
  }

  get state(): PullerState {
    return this.#state;
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && this.#state !== "diverged") {
      try {
        this.#state = "connecting";
        await this.#connectAndFollow(signal);
      } catch (error) {
        if (!signal.aborted) await this.#failed(error);
      }
    }
    if (this.#state !== "diverged") this.#state = "stopped";
  }

  async #connectAndFollow(signal: AbortSignal): Promise<void> {
    const { local, settings, connect, clock, logger } = this.#parts;
    await using primary = await connect(settings, local.name, signal);
    this.#state = "following";
    this.#meter.connected();
    logger.info({ database: local.name, primary: primaryAddress(settings) }, "the replica follows its primary");
    await follow({
      primary,
      local,
      settings,
      clock,
      meter: this.#meter,
      signal,
      pause: (ms) => this.#pause(ms),
      onProgress: () => {
        this.#retryMs = REPLICATION_RETRY_MS_MIN;
        this.#complaint = "";
      },
    });
  }

  /** Rejects never: what fails meanwhile is one more reason to wait, or the end. */
  async #failed(error: unknown): Promise<void> {
    try {
      await this.#judge(error);
    } catch (next) {
      if (!this.#stopping.signal.aborted) await this.#waitAfter(next).catch(() => undefined);
    }
  }

  async #judge(error: unknown): Promise<void> {
    const divergence = divergenceOf(error, await this.#hasTail());
    if (divergence === undefined) await this.#waitAfter(error);
    else if (this.#mayDiscard(divergence)) await this.#discard(divergence);
    else this.#diverge(divergence);
  }

  async #hasTail(): Promise<boolean> {
    const { committed, precommitted } = await this.#parts.local.state().catch(() => NOTHING);
    return precommitted.txId > committed.txId;
  }

  #mayDiscard({ code }: ReplicationError): boolean {
    return code === "precommit_diverged" && this.#parts.settings.allowTxDiscarding;
  }

  async #discard(divergence: ReplicationError): Promise<void> {
    const { local, logger } = this.#parts;
    const count = await local.discardPrecommitted();
    const reason = divergence.message;
    logger.warn(
      { database: local.name, count: String(count), reason },
      "transactions that were written here and never committed are dropped, since the primary has others (allow-tx-discarding)",
    );
    // Nothing there to drop: the same would be found again and again.
    if (count === 0n) await this.#waitAfter(divergence);
  }

  #diverge(divergence: ReplicationError): void {
    const { local, logger, settings } = this.#parts;
    this.#state = "diverged";
    this.#meter.diverged();
    logger.error(
      { database: local.name, primary: primaryAddress(settings), code: divergence.code, reason: divergence.message },
      "THE REPLICA HAS STOPPED: ITS HISTORY IS NOT THAT OF ITS PRIMARY. Find out which of the two is right; to follow this " +
        "primary, make the replica anew",
    );
  }

  async #waitAfter(error: unknown): Promise<void> {
    const { local, logger, settings, random } = this.#parts;
    const [chance = 0] = random.bytes(1);
    const delayMs = Math.round(this.#retryMs * (0.5 + chance / 512));
    this.#retryMs = Math.min(2 * this.#retryMs, REPLICATION_RETRY_MS_MAX);
    this.#state = "waiting";
    this.#meter.retry(delayMs);
    const reason = error instanceof Error ? error.message : String(error);
    const fields = { database: local.name, primary: primaryAddress(settings), reason, delayMs };
    const text = "the replica cannot follow its primary now: it tries again";
    if (reason === this.#complaint) logger.debug(fields, text);
    else logger.warn(fields, text);
    this.#complaint = reason;
    await this.#pause(delayMs);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = this.#parts.timers.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    return promise;
  }
}

const NOTHING = { committed: { txId: 0n }, precommitted: { txId: 0n } };
