// What replicas have said that they have on disk, and so how far a primary with synchronous replication may commit: as far as
// the n-th best of them has come. A replica may say less than before: it has taken something back.

import { REPLICAS_MAX } from "../base/limits.ts";
import { DatabaseError } from "./errors.ts";
import type { DatabaseSettings } from "./settings.ts";

export class ReplicaAcks {
  readonly #needed: number;
  /** By the identity of the replica's server; who spoke last is last. */
  readonly #acked = new Map<string, bigint>();

  /** `needed`: replicas that must have a transaction, at least 1. */
  constructor(needed: number) {
    this.#needed = needed;
  }

  /**
   * A replica has everything up to `txId`. Returns the transaction that enough replicas have, 0 when there is none. Throws
   * `replicas_max` for one replica too many: forgetting another could hold back for ever what it acknowledged.
   */
  report(uuid: string, txId: bigint): bigint {
    if (!this.#acked.has(uuid) && this.#acked.size >= REPLICAS_MAX)
      throw new DatabaseError("replicas_max", "too many replicas", { limit: REPLICAS_MAX });
    this.#acked.set(uuid, txId);
    const furthestFirst = [...this.#acked.values()].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0));
    return furthestFirst[this.#needed - 1] ?? 0n;
  }
}

/** Those of a database with these settings; undefined for one that waits for no replica. */
export function acksOf({ replicationSettings }: DatabaseSettings): ReplicaAcks | undefined {
  const { replica, syncReplication, syncAcks } = replicationSettings;
  return syncReplication && !replica ? new ReplicaAcks(syncAcks) : undefined;
}
