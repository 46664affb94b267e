// Transactions from elsewhere, put in order. A replica fetches several at once, and they come as they come.
//
//   take(n)  n < next   here already, or under way: the same one, or `tx_diverged`
//            n = next   handed to the committer; then those that waited for it
//            n > next   waits for those before it, not for ever: `foreign_tx_ahead`; too many, or too far ahead: refused at once
//
// next is the one after the last that was built or handed over.

import { equalBytes } from "../base/bytes.ts";
import type { Timers } from "../base/clock.ts";
import { ARRIVAL_WAIT_MS, ARRIVALS_BYTES_MAX } from "../base/limits.ts";
import type { TxHeader } from "../proof/model.ts";
import { foreignAhead } from "./committer.ts";
import { StoreError } from "./errors.ts";
import type { ForeignTx } from "./foreign-tx.ts";

/** A transaction from elsewhere that is here now. */
export interface Arrived {
  readonly header: TxHeader;
  /** It was here before. */
  readonly alreadyPresent: boolean;
}

export interface ArrivalsParts {
  readonly timers: Timers;
  /** Id of the last transaction that is built. */
  readonly built: () => bigint;
  readonly adopt: (foreign: ForeignTx) => Promise<TxHeader>;
  /** Header and Alh of a durable transaction. */
  readonly header: (txId: bigint) => TxHeader;
  readonly alh: (txId: bigint) => Uint8Array;
}

interface Early {
  readonly foreign: ForeignTx;
  readonly goOn: () => void;
}

interface UnderWay {
  readonly alh: Uint8Array;
  readonly stored: Promise<TxHeader>;
}

export class Arrivals {
  /** How far ahead of the next one a transaction may come. */
  window: bigint;
  readonly #parts: ArrivalsParts;
  /** Handed to the committer, and not durable yet. */
  readonly #underWay = new Map<bigint, UnderWay>();
  #lastHandedOver = 0n;
  #early: Early[] = [];
  #earlyBytes = 0;

  constructor(parts: ArrivalsParts, window: bigint) {
    this.#parts = parts;
    this.window = window;
  }

  /** Resolves when the transaction is durable. Rejects as Committer.adopt(), with `tx_diverged`, `foreign_tx_ahead`, `overloaded`. */
  async take(foreign: ForeignTx, signal: AbortSignal | undefined): Promise<Arrived> {
    const { id } = foreign.header;
    if (id > this.#next) await this.#wait(foreign, signal);
    if (id > this.#next) throw foreignAhead(id, this.#next);
    if (id < this.#next) return { header: await this.#present(foreign), alreadyPresent: true };
    return { header: await this.#handOver(foreign), alreadyPresent: false };
  }

  /** Transactions were taken back: the next one is another. */
  reset(): void {
    this.#lastHandedOver = 0n;
  }

  get #next(): bigint {
    const built = this.#parts.built();
    if (built > this.#lastHandedOver) return built + 1n;
    return this.#lastHandedOver + 1n;
  }

  async #handOver(foreign: ForeignTx): Promise<TxHeader> {
    const { id } = foreign.header;
    this.#lastHandedOver = id;
    const stored = this.#parts.adopt(foreign);
    this.#underWay.set(id, { alh: foreign.alh, stored });
    this.#goOn();
    try {
      return await stored;
    } catch (error) {
      // Those handed over after it fail, too.
      if (this.#lastHandedOver >= id) this.#lastHandedOver = id - 1n;
      throw error;
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** The transaction that is here under this id, which must be the same. */
  async #present({ header: { id }, alh }: ForeignTx): Promise<TxHeader> {
    const underWay = this.#underWay.get(id);
    if (!equalBytes(underWay?.alh ?? this.#parts.alh(id), alh))
      throw new StoreError("tx_diverged", `another transaction ${id} is here`, { txId: id });
    return underWay === undefined ? this.#parts.header(id) : underWay.stored;
  }

  /** Returns when it is its turn, when it has waited long enough, or when nobody waits for it any more. */
  #wait(foreign: ForeignTx, signal: AbortSignal | undefined): Promise<void> {
    const { id } = foreign.header;
    if (id > this.#next + this.window) throw foreignAhead(id, this.#next);
    if (this.#earlyBytes + foreign.bytes > ARRIVALS_BYTES_MAX) {
      const data = { limit: ARRIVALS_BYTES_MAX, setting: "replication commit concurrency" };
      throw new StoreError("overloaded", "too many transactions came before their predecessors", data);
    }
    return new Promise((resolve) => {
      const goOn = (): void => {
        this.#early = this.#early.filter((each) => each !== early);
        this.#earlyBytes -= foreign.bytes;
        signal?.removeEventListener("abort", goOn);
        cancel();
        resolve();
      };
      const early: Early = { foreign, goOn };
      const cancel = this.#parts.timers.after(ARRIVAL_WAIT_MS, goOn);
      this.#early.push(early);
      this.#earlyBytes += foreign.bytes;
      signal?.addEventListener("abort", goOn, { once: true });
    });
  }

  #goOn(): void {
    for (const { foreign, goOn } of [...this.#early]) if (foreign.header.id <= this.#next) goOn();
  }
}
