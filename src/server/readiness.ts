// Whether the server should be sent calls, and if not, why: nothing here is a guess, each reason is something that callers of a
// database would run into. `livez` asks less: whether the process answers at all.
//
//   starting ──everything is open──▶ ready ⇄ not ready ──asked to stop──▶ stopping

import { READY_INDEX_LAG_MAX } from "../base/limits.ts";
import type { DatabaseCondition } from "../database/database-info.ts";

export type Reason =
  | "starting"
  | "stopping"
  | "database_quarantined"
  | "index_behind"
  | "replica_diverged"
  | "disk_low"
  | "outcome_unknown"
  | "audit_log_unwritable";

/** Why the server is not ready. */
export interface Obstacle {
  readonly reason: Reason;
  readonly database?: string;
  readonly message: string;
}

/** What readiness is decided by, once the server has started. */
export interface Vitals {
  conditions(): readonly DatabaseCondition[];
  readonly space: { readonly isLow: boolean };
  /** Whether calls are turned away because no record of them can be stored. */
  readonly isAuditStuck: () => boolean;
  /** Databases that have stopped following their primaries for good. */
  readonly diverged: () => readonly string[];
}

export class Readiness {
  readonly #indexLagMax: bigint;
  #vitals: Vitals | undefined;
  #isStopping = false;

  /** `indexLagMax`: transactions that an index may be behind (server setting `ready-index-lag`). */
  constructor(indexLagMax: number = READY_INDEX_LAG_MAX) {
    this.#indexLagMax = BigInt(indexLagMax);
  }

  get hasStarted(): boolean {
    return this.#vitals !== undefined;
  }

  started(vitals: Vitals): void {
    this.#vitals = vitals;
  }

  stopping(): void {
    this.#isStopping = true;
  }

  /** Everything that is in the way; nothing when the server is ready. */
  obstacles(): Obstacle[] {
    if (this.#isStopping) return [{ reason: "stopping", message: "the server is stopping" }];
    if (this.#vitals === undefined) return [{ reason: "starting", message: "the server is starting" }];
    const found = this.#vitals.conditions().flatMap((condition) => this.#inDatabase(condition));
    for (const database of this.#vitals.diverged()) {
      const message = "the replica has stopped: its history is not that of its primary";
      found.push({ reason: "replica_diverged", database, message });
    }
    if (this.#vitals.space.isLow) {
      found.push({ reason: "disk_low", message: "the disk is almost full: writes are refused" });
    }
    if (this.#vitals.isAuditStuck()) {
      found.push({
        reason: "audit_log_unwritable",
        message: "the audit log cannot be written: calls wait or are refused",
      });
    }
    return found;
  }

  #inDatabase({ name: database, isQuarantined, committed, open }: DatabaseCondition): Obstacle[] {
    const found: Obstacle[] = [];
    if (isQuarantined) {
      found.push({ reason: "database_quarantined", database, message: "the database is damaged and out of service" });
    }
    if (open?.isReadOnly) {
      const message = "it is not known what became of a write: writes are refused until the server is restarted";
      found.push({ reason: "outcome_unknown", database, message });
    }
    const lag = open === undefined ? 0n : committed - open.indexed;
    if (lag > this.#indexLagMax) {
      const message = `the index is ${lag} transactions behind; the limit is ${this.#indexLagMax} (ready-index-lag)`;
      found.push({ reason: "index_behind", database, message });
    }
    return found;
  }
}
