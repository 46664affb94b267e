// How far a replica has committed. An asynchronous one commits what it writes. A synchronous one commits what it has written and
// the primary allows: what that has committed itself, or says that enough replicas have.
//
//   committed ≤ being committed ≤ min(written, allowed)

import type { TxPoint } from "../client/errors.ts";
import type { LocalReplica } from "./local.ts";

const NONE: TxPoint = { txId: 0n, txHash: new Uint8Array(0) };

export class Commits {
  readonly #local: LocalReplica;
  readonly #isSync: boolean;
  readonly #failed = Promise.withResolvers<never>();
  #committed: bigint;
  /** How far is committed or being committed. */
  #point: TxPoint;
  #allowed = 0n;
  /** The last point that the primary named with its hash. */
  #named: TxPoint = NONE;
  #running: Promise<void> | undefined;

  constructor(local: LocalReplica, committed: TxPoint, isSync: boolean) {
    this.#local = local;
    this.#isSync = isSync;
    this.#committed = committed.txId;
    this.#point = committed;
    this.#failed.promise.catch(() => undefined);
  }

  get committed(): bigint {
    return this.#committed;
  }

  get point(): TxPoint {
    return this.#point;
  }

  get allowed(): bigint {
    return this.#allowed;
  }

  /** Rejects when committing failed; resolves never. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Returns whether that is more than before. */
  allow(committedByPrimary: bigint, named: TxPoint | undefined): boolean {
    if (named !== undefined && named.txId > this.#named.txId) this.#named = named;
    const allowed = committedByPrimary > this.#named.txId ? committedByPrimary : this.#named.txId;
    if (allowed <= this.#allowed) return false;
    this.#allowed = allowed;
    this.#begin();
    return true;
  }

  /** Another transaction is on disk. */
  applied(txId: bigint): void {
    if (this.#isSync) this.#begin();
    else if (txId > this.#committed) this.#committed = txId;
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** One step after the other: what comes meanwhile is in the next one. */
  #begin(): void {
    if (!this.#isSync || this.#running !== undefined || this.#committed >= this.#allowed) return;
    this.#running = this.#commit().then(
      (hasCommitted) => {
        this.#running = undefined;
        if (hasCommitted) this.#begin();
      },
      (error: unknown) => this.#failed.reject(error),
    );
  }

  async #commit(): Promise<boolean> {
    const { precommitted } = await this.#local.state();
    const point = await this.#next(precommitted);
    if (point.txId <= this.#committed) return false;
    this.#point = point;
    await this.#local.commitUpTo(point);
    this.#committed = point.txId;
    return true;
  }

  /**
   * As far as is written and allowed. A point that the primary named is committed by the primary's hash, so that it is compared;
   * one that it only counted, by the hash that it has here: to wait for its name would keep back what is to be written after it.
   */
  async #next(precommitted: TxPoint): Promise<TxPoint> {
    if (this.#allowed >= precommitted.txId) return precommitted;
    return this.#named.txId === this.#allowed ? this.#named : await this.#local.pointAt(this.#allowed);
  }
}
