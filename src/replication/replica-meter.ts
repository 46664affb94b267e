// What one replica says about itself, under the names that dashboards know.

import type { Meter } from "../base/observe.ts";

export class ReplicaMeter {
  readonly #meter: Meter;
  readonly #labels: { readonly db: string };

  constructor(meter: Meter, database: string) {
    this.#meter = meter;
    this.#labels = { db: database };
  }

  /** Transactions that the primary has committed and the replica has not. */
  lag(primaryCommitted: bigint, committed: bigint): void {
    const lag = primaryCommitted > committed ? primaryCommitted - committed : 0n;
    this.#meter.gauge("immudb_replication_primary_committed_tx_id", Number(primaryCommitted), this.#labels);
    this.#meter.gauge("immudb_replication_lag", Number(lag), this.#labels);
  }

  mayCommit(txId: bigint): void {
    this.#meter.gauge("immudb_replication_allow_commit_up_to_tx_id", Number(txId), this.#labels);
  }

  /** How many transactions may be written at once. */
  appliers(count: number): void {
    this.#meter.gauge("immudb_replication_replicators", count, this.#labels);
  }

  /** How many are. */
  applying(count: number): void {
    this.#meter.gauge("immudb_replication_replicators_active", count, this.#labels);
  }

  /** How long a fetched transaction waited for its turn. */
  waited(ms: number): void {
    this.#meter.observe("immudb_replication_tx_wait_queue", ms / 1000, this.#labels);
  }

  /** How long writing one took. */
  applied(ms: number): void {
    this.#meter.observe("immudb_replication_commit_time", ms / 1000, this.#labels);
  }

  retry(delayMs: number): void {
    this.#meter.count("immudb_replication_replicators_retries", 1, this.#labels);
    this.#meter.gauge("immudb_replication_replicators_retry_delay", delayMs / 1000, this.#labels);
  }

  /** Whether it has stopped because its history is not that of its primary (of this server, not of the original). */
  diverged(isDiverged = true): void {
    this.#meter.gauge("immudb_ts_replication_diverged", isDiverged ? 1 : 0, this.#labels);
  }

  connected(): void {
    this.diverged(false);
    this.#meter.gauge("immudb_replication_replicators_retry_delay", 0, this.#labels);
  }
}
