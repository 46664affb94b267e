// Group commit without a timer: the queue itself forms the group.
//
//   commit(spec) ─ checked, built at once (hash, chain) ──▶ open group ──append──▶ flushing group ──durable──▶ acknowledged
//                 └ open group full, or overlay full ──▶ waiting (bounded; pushes back with `overloaded`)
//
// While one group syncs, the next is built on top of it: preconditions see every built transaction. If a group fails, it and
// all that was built on it go: chain and overlay return to the last durable point. A refusal that was decided by looking at
// a transaction that is not durable yet waits for that transaction, so that nobody is refused because of a write that
// never happened.
//
// Transactions that were made elsewhere take the same way, in the order of their ids: adopt() takes the next one, and
// arrivals.ts puts those in order that come in another.

import type { Clock } from "../base/clock.ts";
import { COMMIT_QUEUE_BYTES_MAX, COMMIT_QUEUE_MAX, GROUP_BYTES_MAX, GROUP_TRANSACTIONS_MAX } from "../base/limits.ts";
import type { NodeReader } from "../proof/history-tree.ts";
import type { TxHeader } from "../proof/model.ts";
import { Chain, type ChainPoint } from "./chain.ts";
import type { CommitLog } from "./commit-log.ts";
import { StoreError } from "./errors.ts";
import { ForeignTx } from "./foreign-tx.ts";
import { type IndexableTx, indexable, keyTexts } from "./indexable.ts";
import type { Overlay } from "./overlay.ts";
import type { BuiltTx } from "./records.ts";
import { requireDistinct, type StoreSettings } from "./tx-limits.ts";
import { checkSpec, type Precondition, specBytes, type TxSpec } from "./tx-spec.ts";

/** Throws the refusal of the first precondition that does not hold of the built state. */
export type PreconditionCheck = (preconditions: readonly Precondition[], nowSeconds: bigint) => void;

export interface CommitterParts {
  readonly commitLog: CommitLog;
  readonly point: ChainPoint;
  readonly overlay: Overlay;
  readonly settings: StoreSettings;
  readonly clock: Clock;
  readonly checkPreconditions: PreconditionCheck;
  /** Called with each durable group, before its writers are answered. */
  readonly onDurable: (group: readonly IndexableTx[]) => void;
  /** Whether commits must wait for the index, or for replicas. */
  readonly isBacklogged: () => boolean;
  /** Nodes of the history tree of durable transactions. */
  readonly node: NodeReader;
}

interface Writer {
  readonly resolve: (header: TxHeader) => void;
  readonly reject: (error: unknown) => void;
}

interface Group {
  /** The chain's end before the first transaction of the group. */
  readonly before: ChainPoint;
  readonly txs: BuiltTx[];
  /** The same transactions as the index sees them. */
  readonly indexables: IndexableTx[];
  readonly writers: Writer[];
  /** Refusals that looked at this group. */
  readonly refusals: { readonly error: unknown; readonly reject: (error: unknown) => void }[];
  bytes: number;
}

export class Committer {
  readonly #parts: CommitterParts;
  /** Bounds of what is accepted from now on. */
  settings: StoreSettings;
  #chain: Chain;
  #durable: ChainPoint;
  #open: Group | undefined;
  #flushing: Group | undefined;
  #waiting: { readonly work: TxSpec | ForeignTx; readonly bytes: number; readonly writer: Writer }[] = [];
  #waitingBytes = 0;
  #scheduled = false;
  #closed: StoreError | undefined;
  /** Actions that run or wait to run while nothing is being committed. */
  #exclusive = 0;
  #turn: Promise<void> = Promise.resolve();
  #watchers: { readonly ready: () => boolean; readonly resolve: () => void }[] = [];

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.settings = parts.settings;
    this.#chain = new Chain(parts.point);
    this.#durable = parts.point;
  }

  /** End of the durable chain: the last transaction that survives a crash. */
  get durable(): ChainPoint {
    return this.#durable;
  }

  /** Id of the last transaction that is built, durable or not. */
  get built(): bigint {
    return this.#chain.point.txId;
  }

  /** Why no more commits are taken; undefined while they are. */
  get refusal(): StoreError | undefined {
    return this.#closed;
  }

  /** Resolves with the header once the transaction is durable. Rejects with a StoreError. */
  commit(spec: TxSpec): Promise<TxHeader> {
    return new Promise((resolve, reject) => {
      const writer: Writer = { resolve, reject };
      try {
        if (this.#closed !== undefined) throw this.#closed;
        checkSpec(spec, this.settings);
      } catch (error) {
        reject(error);
        return;
      }
      this.#accept(spec, specBytes(spec), writer);
    });
  }

  /**
   * The same of a transaction that was made elsewhere and that follows the last one built. Rejects with `foreign_tx_refused` when
   * it does not continue this history; with `foreign_tx_ahead` when something else took its place, or was taken back, meanwhile.
   */
  adopt(foreign: ForeignTx): Promise<TxHeader> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) reject(this.#closed);
      else this.#accept(foreign, foreign.bytes, { resolve, reject });
    });
  }

  #accept(work: TxSpec | ForeignTx, bytes: number, writer: Writer): void {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) this.#wait(work, bytes, writer);
    else this.#build(work, bytes, writer);
  }

  /** Lets waiting commits go on: the index has caught up. */
  resume(): void {
    this.#admitWaiting();
  }

  /** Refuses new commits and waits for those that were accepted, but not for the index: it catches up at the next start. */
  async close(): Promise<void> {
    this.#closed ??= new StoreError("closed", "the database is closed");
    this.#admitWaiting();
    await this.settled();
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#until(() => !this.#isWriting() && this.#exclusive === 0 && this.#waiting.length === 0);
  }

  /**
   * Takes back durable transactions after `txId`: `discard` removes them and says where the chain ends then. Groups under way
   * end first, commits wait. When it fails with anything but a refusal, nothing more is accepted: the end is not known.
   */
  discardAfter(txId: bigint, discard: () => Promise<ChainPoint>): Promise<void> {
    return this.exclusively(async () => {
      if (txId < this.#durable.txId) await this.#discardNow(txId, discard);
    });
  }

  /**
   * Runs an action while no group is under way; commits wait until it has ended. After `outcome_unknown` nothing more is
   * accepted.
   */
  exclusively(action: () => Promise<void>): Promise<void> {
    this.#exclusive++;
    const result = this.#turn.then(async () => {
      try {
        await this.#until(() => !this.#isWriting());
        await action();
      } catch (error) {
        if (isUnknown(error)) this.#refuseFromNowOn(error);
        throw error;
      } finally {
        this.#exclusive--;
        this.#admitWaiting();
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #discardNow(txId: bigint, discard: () => Promise<ChainPoint>): Promise<void> {
    try {
      this.#durable = await discard();
      this.#chain = new Chain(this.#durable);
      this.#parts.overlay.dropAfter(txId);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "illegal_state")) this.#refuseFromNowOn(error);
      throw error;
    }
  }

  #isWriting(): boolean {
    return this.#open !== undefined || this.#flushing !== undefined;
  }

  #hasRoom(bytes: number): boolean {
    if (this.#exclusive > 0 || (this.#closed === undefined && this.#parts.isBacklogged())) return false;
    const open = this.#open;
    return open === undefined || (open.txs.length < GROUP_TRANSACTIONS_MAX && open.bytes + bytes <= GROUP_BYTES_MAX);
  }

  #wait(work: TxSpec | ForeignTx, bytes: number, writer: Writer): void {
    if (this.#waiting.length >= COMMIT_QUEUE_MAX || this.#waitingBytes + bytes > COMMIT_QUEUE_BYTES_MAX) {
      const data = {
        limit: this.#waiting.length >= COMMIT_QUEUE_MAX ? COMMIT_QUEUE_MAX : COMMIT_QUEUE_BYTES_MAX,
        setting: "commit queue",
      };
      writer.reject(new StoreError("overloaded", "too many writes are waiting: try again later", data));
      return;
    }
    this.#waiting.push({ work, bytes, writer });
    this.#waitingBytes += bytes;
  }

  #admitWaiting(): void {
    let admitted = 0;
    for (const { work, bytes, writer } of this.#waiting) {
      if (!this.#hasRoom(bytes)) break;
      admitted++;
      this.#waitingBytes -= bytes;
      this.#build(work, bytes, writer);
    }
    this.#waiting.splice(0, admitted);
    this.#tell();
  }

  #build(work: TxSpec | ForeignTx, bytes: number, writer: Writer): void {
    if (work instanceof ForeignTx) this.#adopt(work, writer);
    else this.#make(work, bytes, writer);
  }

  #make(spec: TxSpec, bytes: number, writer: Writer): void {
    const { clock } = this.#parts;
    const now = BigInt(Math.floor(clock.nowMs() / 1000));
    const before = this.#chain.point;
    const entries = spec.entriesOfTx?.(before.txId + 1n) ?? spec.entries;
    const texts = keyTexts(entries);
    try {
      this.#parts.checkPreconditions(spec.preconditions, now);
      requireDistinct(texts);
    } catch (error) {
      this.#refuse(error, writer);
      return;
    }
    const { excludeCommitTime, writeTxHeaderVersion } = this.settings;
    let tx: BuiltTx;
    try {
      tx = this.#chain.build(entries, spec.metadata, excludeCommitTime ? 0n : now, writeTxHeaderVersion);
    } catch (error) {
      // What a header cannot say (more entries than its version can count, for one): refused, and nothing has moved.
      writer.reject(error);
      return;
    }
    this.#join(spec.spool === undefined ? tx : { ...tx, spooled: spec.spool.segment }, before, texts, bytes, writer);
  }

  #adopt(foreign: ForeignTx, writer: Writer): void {
    const before = this.#chain.point;
    const { id } = foreign.header;
    const expected = before.txId + 1n;
    let tx: BuiltTx;
    try {
      if (id !== expected) throw foreignAhead(id, expected);
      tx = this.#chain.adopt(foreign, this.#node);
    } catch (error) {
      this.#refuse(error, writer);
      return;
    }
    this.#join(tx, before, foreign.texts, foreign.bytes, writer);
  }

  /** A node of the history tree of any transaction that is built. */
  readonly #node: NodeReader = (level, index) => {
    const txId = (BigInt(index) + 1n) << BigInt(level);
    for (const group of [this.#flushing, this.#open]) {
      const node = group?.txs[Number(txId - group.before.txId - 1n)]?.nodes[level];
      if (node !== undefined) return node;
    }
    return this.#parts.node(level, index);
  };

  #join(tx: BuiltTx, before: ChainPoint, texts: readonly string[], bytes: number, writer: Writer): void {
    const { overlay } = this.#parts;
    this.#open ??= { before, txs: [], indexables: [], writers: [], refusals: [], bytes: 0 };
    const forIndex = indexable(tx.header.id, tx.alh, tx.entries, texts);
    for (const version of forIndex.versions) overlay.add(version.text, version);
    this.#open.txs.push(tx);
    this.#open.indexables.push(forIndex);
    this.#open.writers.push(writer);
    this.#open.bytes += bytes;
    this.#schedule();
  }

  #refuse(error: unknown, writer: Writer): void {
    const looked = this.#open ?? this.#flushing;
    if (looked === undefined) writer.reject(error);
    else looked.refusals.push({ error, reject: writer.reject });
  }

  /** Starts a flush after the events at hand, so that all who write now share one sync. */
  #schedule(): void {
    if (this.#scheduled || this.#flushing !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const group = this.#open;
    if (group === undefined || this.#flushing !== undefined) return;
    this.#open = undefined;
    this.#flushing = group;
    const end = this.#chain.point;
    this.#admitWaiting();
    try {
      await this.#parts.commitLog.append(group.txs);
    } catch (error) {
      this.#flushing = undefined;
      this.#fail(group, error);
      return;
    }
    this.#flushing = undefined;
    this.#durable = end;
    this.#parts.onDurable(group.indexables);
    group.txs.forEach((tx, i) => {
      (group.writers[i] as Writer).resolve(tx.header);
    });
    for (const { error, reject } of group.refusals) reject(error);
    this.#admitWaiting();
    if (this.#open !== undefined) void this.#flush();
  }

  /** Takes back a group and what was built on it. After `outcome_unknown` nothing more is accepted: only a restart can tell. */
  #fail(group: Group, error: unknown): void {
    const derived = this.#open;
    this.#open = undefined;
    this.#chain = new Chain(group.before);
    this.#parts.overlay.dropAfter(group.before.txId);
    if (isUnknown(error)) this.#refuseFromNowOn(error);
    for (const writer of group.writers) writer.reject(error);
    const notStored = new StoreError("write_failed", "an earlier write failed: nothing was stored", {}, error);
    for (const writer of derived?.writers ?? []) writer.reject(notStored);
    for (const { reject } of [...group.refusals, ...(derived?.refusals ?? [])]) reject(notStored);
    this.#admitWaiting();
  }

  /** Makes the database read-only, since what is on disk is not known: only opening it again can tell. */
  #refuseFromNowOn(cause: unknown): void {
    const refusal = new StoreError(
      "read_only",
      "writes are refused since the outcome of one is unknown: restart the server",
      {},
      cause,
    );
    this.#closed = refusal;
    for (const { writer } of this.#waiting.splice(0)) writer.reject(refusal);
    this.#waitingBytes = 0;
  }

  /** Resolves when `ready` holds, at once when it does already. Another caller may have changed that before this one goes on. */
  #until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ ready, resolve }));
  }

  #tell(): void {
    const watchers = this.#watchers;
    this.#watchers = watchers.filter(({ ready }) => !ready());
    for (const { ready, resolve } of watchers) if (ready()) resolve();
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof StoreError && error.code === "outcome_unknown";
}

/** A foreign transaction that does not follow the last one. */
export function foreignAhead(txId: bigint, expected: bigint): StoreError {
  const message = `transaction ${txId} does not follow the last one: the next is ${expected}`;
  return new StoreError("foreign_tx_ahead", message, { txId, expected });
}
