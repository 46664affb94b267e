// How far a ledger has come, and who waits for it to come further.
//
//   durable ──▶ precommitted: on disk, seen by no reader ──commit log: committed──▶ committed: seen by readers, to be indexed
//                    └──discarded──▶ as if it had never been
//
// A log that commits alone passes both in one step. One that waits for replicas (a primary with synchronous replication), or
// for its primary (a synchronous replica), keeps transactions in between; their writers wait here.

import type { Timers } from "../base/clock.ts";
import type { TxHeader } from "../proof/model.ts";
import type { CommitLog } from "./commit-log.ts";
import { StoreError } from "./errors.ts";
import type { IndexableTx } from "./indexable.ts";

/** A point of the chain as a client knows it: id and Alh. */
export interface StorePoint {
  readonly txId: bigint;
  readonly alh: Uint8Array;
}

export interface CommitStateParts {
  readonly commitLog: CommitLog;
  readonly committed: StorePoint;
  readonly timers: Timers;
  /** Told of transactions that are committed now, in order. */
  readonly onCommitted: (txs: readonly IndexableTx[]) => void;
}

interface Waiting {
  readonly txId: bigint;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/** Refusals that were decided by looking at what may not be committed yet. */
const LOOKED: readonly string[] = ["precondition_failed", "key_not_found", "key_expired", "state_changed"];

export class CommitState {
  readonly #parts: CommitStateParts;
  #committed: StorePoint;
  /** Durable transactions that may not be seen yet. */
  #precommitted: IndexableTx[] = [];
  #waiting: Waiting[] = [];
  readonly #listeners = new Set<() => void>();
  #isClosed = false;

  constructor(parts: CommitStateParts) {
    this.#parts = parts;
    this.#committed = parts.committed;
  }

  get committed(): StorePoint {
    return this.#committed;
  }

  /**
   * Resolves with the header of a transaction when it is committed. What kept one from being written may still be taken back: then
   * it is waited for, too. Rejects as untilCommitted().
   */
  async acknowledged(precommitted: Promise<TxHeader>, chain: { readonly durable: StorePoint }): Promise<TxHeader> {
    try {
      const header = await precommitted;
      // A log that commits alone has committed it by now, unless it was told meanwhile to wait for others.
      if (header.id > this.#committed.txId) await this.untilCommitted(header.id);
      return header;
    } catch (error) {
      if (error instanceof StoreError && LOOKED.includes(error.code)) await this.untilCommitted(chain.durable.txId);
      throw error;
    }
  }

  /** These are durable now. */
  durable(group: readonly IndexableTx[]): void {
    this.#precommitted.push(...group);
    this.#acknowledge();
    this.#tell();
  }

  /** As CommitLog.commitUpTo(). */
  async commitUpTo(txId: bigint): Promise<void> {
    await this.#parts.commitLog.commitUpTo(txId);
    this.#acknowledge();
    this.#tell();
  }

  /** Transactions after this one are there no more. */
  discarded(txId: bigint): void {
    this.#precommitted = this.#precommitted.filter((tx) => tx.txId <= txId);
    this.#giveUp(
      (waiting) => waiting.txId > txId,
      (lost) => new StoreError("tx_discarded", `transaction ${lost} was taken back`, { txId: lost }),
    );
    this.#tell();
  }

  /** Resolves when a durable transaction is committed. Rejects with `tx_discarded` or `unacknowledged`. */
  untilCommitted(txId: bigint): Promise<void> {
    if (txId <= this.#committed.txId) return Promise.resolve();
    if (this.#isClosed) return Promise.reject(unacknowledged(txId));
    return new Promise((resolve, reject) => this.#waiting.push({ txId, resolve, reject }));
  }

  /** Resolves with true as soon as `ready` holds; with false after so long, when the signal aborts, or when the store is closed. */
  waitFor(ready: () => boolean, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (ready()) return Promise.resolve(true);
    if (this.#isClosed || signal?.aborted === true) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (isReady: boolean): void => {
        this.#listeners.delete(look);
        signal?.removeEventListener("abort", giveUp);
        cancel();
        resolve(isReady);
      };
      const look = (): void => {
        if (ready()) end(true);
        else if (this.#isClosed) end(false);
      };
      const giveUp = (): void => end(false);
      const cancel = this.#parts.timers.after(ms, giveUp);
      this.#listeners.add(look);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Whoever still waits is told that nobody knows yet. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp(() => true, unacknowledged);
    this.#tell();
  }

  #acknowledge(): void {
    const upTo = this.#parts.commitLog.committed;
    const precommitted = this.#precommitted;
    let count = 0;
    while (count < precommitted.length && (precommitted[count] as IndexableTx).txId <= upTo) count++;
    if (count === 0) return;
    const committed = precommitted.splice(0, count);
    const { txId, alh } = committed.at(-1) as IndexableTx;
    this.#committed = { txId, alh };
    this.#parts.onCommitted(committed);
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((each) => each.txId > txId);
    for (const each of waiting) if (each.txId <= txId) each.resolve();
  }

  #giveUp(who: (waiting: Waiting) => boolean, why: (txId: bigint) => StoreError): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((each) => !who(each));
    for (const each of waiting) if (who(each)) each.reject(why(each.txId));
  }

  #tell(): void {
    for (const look of this.#listeners) look();
  }
}

function unacknowledged(txId: bigint): StoreError {
  const message = `transaction ${txId} is stored and waits for replicas to have it, too: do not repeat it`;
  return new StoreError("unacknowledged", message, { txId });
}
