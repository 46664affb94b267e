// Fetches transactions from a primary in order, some of them ahead. What is known to be there is asked for at once, up to
// `ahead` calls at a time; of what may be there, as many as `probes` says. The rest is asked for when it is wanted: ask().
//
//        taken │ next … known             │ … next + probes     │
//   ───────────┼──────────────────────────┼─────────────────────┼──▶ tx
//              │ asked for, ahead at most │ perhaps not there   │ not asked for
//
// The bytes that have come and are not released yet are bounded: beyond that only the next transaction is read on, and the
// primary has to wait with the others (flow control).

import { assert } from "../base/assert.ts";
import type { ExportAnswer, ReplicaPoint } from "../client/replication.ts";
import type { ExportsAhead, Primary } from "./primary.ts";

export interface WindowOptions {
  readonly primary: Primary;
  /** The first transaction to fetch. */
  readonly from: bigint;
  /** Calls at a time, at least 1. */
  readonly ahead: number;
  readonly bytesMax: number;
  /** Also what the primary has not committed. */
  readonly allowPrecommitted: boolean;
  readonly skipIntegrityCheck: boolean;
}

export interface Fetched {
  readonly txId: bigint;
  readonly answer: ExportAnswer;
  /** What is to be released. */
  readonly bytes: number;
}

interface Fetch {
  readonly txId: bigint;
  answer: Promise<ExportAnswer>;
  /** That have come. */
  bytes: number;
  /** Nobody will take it. */
  isDropped: boolean;
}

const NOTHING: ExportAnswer = { blob: undefined, committedTxId: undefined, mayCommit: undefined };

export class FetchWindow implements Disposable {
  readonly #options: WindowOptions;
  readonly #leaving = new AbortController();
  readonly #ahead: ExportsAhead;
  #fetches: Fetch[] = [];
  #next: bigint;
  #known = 0n;
  #probes = 0;
  #bytes = 0;
  /** Readers that wait for room, woken together: each looks again. */
  #waiting: (() => void)[] = [];

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#next = options.from;
    this.#ahead = options.primary.exports(this.#leaving.signal);
  }

  /** The transaction that is taken next. */
  get next(): bigint {
    return this.#next;
  }

  /** The last transaction that is known to be there. */
  get known(): bigint {
    return this.#known;
  }

  /** Bytes that have come and are not released. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Transactions up to this one are there: they are asked for ahead. */
  learn(known: bigint): void {
    if (known > this.#known) this.#known = known;
  }

  /** How many that may be there are asked for ahead of what is known. */
  set probes(count: number) {
    this.#probes = count;
  }

  /** Whether the next transaction has been asked for. */
  get isAsked(): boolean {
    return this.#fetches.length > 0;
  }

  /** Asks for the next transaction, which has not been. `replica`: what the primary is told, and the reason for it to wait. */
  ask(replica: ReplicaPoint | undefined): void {
    assert(!this.isAsked, "the next transaction is asked for once");
    this.#ask(this.#next, replica);
  }

  /**
   * Tells the primary something while the next transaction is asked for already: the answer counts for what it says besides.
   * It comes when more may be committed, since what it asks for is beyond all that is asked for.
   */
  askBeside(replica: ReplicaPoint): Promise<ExportAnswer> {
    const { primary, allowPrecommitted, skipIntegrityCheck } = this.#options;
    const tx = this.#next + BigInt(this.#fetches.length);
    const request = { tx, allowPrecommitted, skipIntegrityCheck, replica };
    return primary.export(request, { signal: this.#leaving.signal });
  }

  /** Asks ahead for what there is room for. */
  fill(): void {
    const last = max(this.#known, this.#next - 1n + BigInt(this.#probes));
    for (;;) {
      const txId = this.#next + BigInt(this.#fetches.length);
      if (txId > last || this.#fetches.length >= this.#options.ahead || this.#bytes > this.#options.bytesMax) return;
      this.#ask(txId, undefined);
    }
  }

  /** The answer for the next transaction, which has been asked for. One that is not there stays the next. */
  async take(): Promise<Fetched> {
    const [fetch] = this.#fetches;
    assert(fetch !== undefined, "what is taken was asked for");
    const answer = await fetch.answer;
    if (answer.blob === undefined) {
      // Nor is what follows, or it is asked for again.
      this.#drop();
    } else {
      this.#fetches.shift();
      this.#next++;
    }
    this.#wake();
    return { txId: fetch.txId, answer, bytes: fetch.bytes };
  }

  /** The bytes of a transaction are not held any more. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    this.#wake();
  }

  /** Gives up what is under way. */
  [Symbol.dispose](): void {
    this.#leaving.abort();
    this.#drop();
    this.#wake();
  }

  #ask(txId: bigint, replica: ReplicaPoint | undefined): void {
    const { primary, allowPrecommitted, skipIntegrityCheck } = this.#options;
    const fetch: Fetch = { txId, answer: Promise.resolve(NOTHING), bytes: 0, isDropped: false };
    const request = { tx: txId, allowPrecommitted, skipIntegrityCheck, replica };
    const admit = (bytes: number): Promise<void> | undefined => this.#admit(fetch, bytes);
    // What tells the primary something must not wait for its turn behind others.
    fetch.answer =
      replica === undefined
        ? this.#ahead.ask(request, admit)
        : primary.export(request, { signal: this.#leaving.signal, admit });
    // Whoever takes it hears of it.
    fetch.answer.catch(() => undefined);
    this.#fetches.push(fetch);
  }

  #drop(): void {
    for (const fetch of this.#fetches) {
      fetch.isDropped = true;
      this.#bytes -= fetch.bytes;
    }
    this.#fetches = [];
  }

  #admit(fetch: Fetch, bytes: number): Promise<void> | undefined {
    if (fetch.isDropped) return undefined;
    fetch.bytes += bytes;
    this.#bytes += bytes;
    return this.#mayReadOn(fetch) ? undefined : this.#untilRoom(fetch);
  }

  async #untilRoom(fetch: Fetch): Promise<void> {
    while (!this.#mayReadOn(fetch)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #mayReadOn({ txId, isDropped }: Fetch): boolean {
    return isDropped || txId <= this.#next || this.#bytes <= this.#options.bytesMax;
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
