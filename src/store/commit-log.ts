// The commit seam: three calls that a single machine, a replica and a distributed log all need.
//
//   append(group)      durable precommit: after it resolves the group survives a crash
//   commitUpTo(tx)     acknowledged: readers may see transactions up to tx
//   discardAfter(tx)   takes back precommitted transactions that will never be acknowledged
//
// A log that commits by itself (a single machine) acknowledges with the append: there is no "committed" row, and every stored
// transaction is committed. One that waits for others keeps in that row how far it was allowed to commit. The row comes and
// goes when the log is opened the other way: what was precommitted then, and not discarded, is committed.

import { assert } from "../base/assert.ts";
import { u32, viewOf } from "../base/bytes.ts";
import { Arena } from "./arena.ts";
import type { Engine, EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { COMMITTED_ROW, encodeTxIdRow, FORMAT_ROW, FORMAT_VERSION, txRangeStart, WITHHELD_ROW } from "./layout.ts";
import { type BuiltTx, writeTxRows } from "./records.ts";
import { type LogTables, logTables, type TxLog, txIdIn } from "./tx-log.ts";
import type { SpooledValue } from "./value-spool.ts";

/** Where groups of transactions become durable. */
export interface CommitLog {
  /** Resolves when the group is durable. Rejects with `write_failed` (definitely not stored) or `outcome_unknown`. */
  append(group: readonly BuiltTx[]): Promise<void>;
  /** Last acknowledged transaction. */
  readonly committed: bigint;
  /** Resolves when it is durable that transactions up to `txId` are committed. Throws `illegal_state` for one that is not there. */
  commitUpTo(txId: bigint): Promise<void>;
  /** Never while a group is appended. Throws `illegal_state` when one of the transactions is committed. */
  discardAfter(txId: bigint): Promise<void>;
}

/** Opens the log environment of a database, creating it when there is none. Throws `format_unsupported` or `damaged`. */
export async function openLogTables(driver: EngineDriver, directory: string): Promise<LogTables> {
  const existed = await driver.exists(directory);
  const engine = await driver.open(directory, { durable: true });
  return closingUnless(engine, async () => {
    const tables = logTables(engine);
    const format = tables.meta.get(FORMAT_ROW);
    if (format !== undefined) {
      requireFormat(format);
      return tables;
    }
    // Making it was cut off here, or a damaged page hides what it holds: nothing may be written to that one.
    if (existed) await driver.probe(directory);
    await confirm(tables);
    return tables;
  });
}

function requireFormat(format: Uint8Array): void {
  if (format.length === 4 && viewOf(format).getUint32(0) === FORMAT_VERSION) return;
  const message = `log format is not version ${FORMAT_VERSION}: open it with the version that wrote it`;
  throw new StoreError("format_unsupported", message, { expected: FORMAT_VERSION });
}

/** What `run` makes of an open environment, which is closed when that fails. */
export async function closingUnless<T>(engine: Engine, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** A synced commit that changes nothing: what was committed before it is on disk after it. */
async function confirm({ engine, meta }: LogTables): Promise<void> {
  await engine.write((batch) => batch.put(meta, FORMAT_ROW, u32(FORMAT_VERSION)));
}

export interface CommitModes {
  /** false: appended transactions stay precommitted until commitUpTo. */
  readonly commitsAlone: boolean;
  /** true: values go to value segments, so that they can be truncated cheaply. */
  readonly valuesInSegments?: boolean;
}

export class LocalCommitLog implements CommitLog {
  readonly #log: TxLog;
  readonly #reopen: () => Promise<LogTables>;
  #commitsAlone: boolean;
  /** As of CommitModes. Changed only while no group is appended, and set only when the log has segments. */
  valuesInSegments: boolean;
  #committed: bigint;
  /** How far somebody who waits for his turn wants to commit. */
  #wanted = 0n;
  #turn: Promise<void> = Promise.resolve();
  readonly #arena = new Arena();

  private constructor(log: TxLog, reopen: () => Promise<LogTables>, modes: CommitModes, committed: bigint) {
    this.#log = log;
    this.#reopen = reopen;
    this.#commitsAlone = modes.commitsAlone;
    this.valuesInSegments = modes.valuesInSegments ?? false;
    this.#committed = committed;
  }

  /**
   * `reopen` closes and opens the log environment again: the only way to learn what a failed commit left on disk.
   * `commitsAlone: false` leaves appended transactions precommitted until commitUpTo. Throws `damaged`.
   */
  static async open(log: TxLog, reopen: () => Promise<LogTables>, modes: CommitModes): Promise<LocalCommitLog> {
    const { commitsAlone } = modes;
    const last = log.lastTxId();
    const stored = txIdIn(log.tables, COMMITTED_ROW);
    const committed = stored === undefined || commitsAlone ? last : requireThere(stored, last);
    if (commitsAlone !== (stored === undefined)) await writeMode(log.tables, commitsAlone, committed);
    return new LocalCommitLog(log, reopen, modes, committed);
  }

  get committed(): bigint {
    return this.#committed;
  }

  get commitsAlone(): boolean {
    return this.#commitsAlone;
  }

  /** Never while a group is appended. */
  setCommitsAlone(alone: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (alone === this.#commitsAlone) return;
      const committed = alone ? this.#log.lastTxId() : this.#committed;
      await writeMode(this.#log.tables, alone, committed);
      this.#commitsAlone = alone;
      this.#committed = committed;
    });
  }

  async append(group: readonly BuiltTx[]): Promise<void> {
    const last = group.at(-1) as BuiltTx;
    const isSpooled = group.some((tx) => tx.spooled !== undefined);
    const offsets = this.valuesInSegments || isSpooled ? await this.#appendValues(group) : [];
    const { engine, log, meta } = this.#log.tables;
    const withheld = group.findLast((tx) => tx.withheld)?.header.id;
    try {
      await engine.write((batch) => {
        group.forEach((tx, i) => {
          writeTxRows(tx, offsets[i], (key, value) => batch.put(log, key, value), this.#arena.allocate);
        });
        if (withheld !== undefined) batch.put(meta, WITHHELD_ROW, encodeTxIdRow(WITHHELD_ROW, withheld));
      });
      this.#arena.clear();
      engine.refresh();
    } catch (error) {
      await this.#settle(last, error).catch(async (failure: unknown) => {
        if (isSpooled && isNothing(failure)) await this.#dropSegments();
        throw failure;
      });
    }
    // Also what was taken back since counts: it says no more than that later ones have all their values.
    if (withheld !== undefined) this.#log.withheldUpTo = withheld;
    if (this.#commitsAlone) this.#committed = last.header.id;
  }

  /**
   * Values are on disk before the commit that names them. Nothing names them when it fails. Resolves with their offsets; with
   * none when only those go to segments that are on disk already.
   */
  async #appendValues(group: readonly BuiltTx[]): Promise<bigint[][]> {
    assert(this.#log.segments !== undefined, "values that go to segments have some");
    const inSegments = this.valuesInSegments;
    const isWritten = (value: Uint8Array | SpooledValue): value is Uint8Array =>
      inSegments && value instanceof Uint8Array && value.length > 0;
    const txs = group.map(({ header, values, spooled }) => ({
      txId: header.id,
      values: values.filter(isWritten),
      spooled,
    }));
    try {
      const offsets = await this.#log.segments.append(txs);
      return inSegments ? offsets : [];
    } catch (error) {
      throw new StoreError("write_failed", "the write failed: nothing was stored", {}, error);
    }
  }

  /** Long values whose transaction was not stored take no room until others come; when that fails now, they go then. */
  async #dropSegments(): Promise<void> {
    await this.#log.segments?.dropAfter(this.#log.lastTxId()).catch(() => undefined);
  }

  commitUpTo(txId: bigint): Promise<void> {
    if (txId > this.#wanted && txId <= this.#log.lastTxId()) this.#wanted = txId;
    return this.#inTurn(async () => {
      if (txId <= this.#committed) return;
      if (txId > this.#log.lastTxId())
        throw new StoreError("illegal_state", "cannot commit a transaction that is not precommitted", { txId });
      // One sync for all who wait.
      const upTo = txId > this.#wanted ? txId : this.#wanted;
      const { engine, meta } = this.#log.tables;
      await engine.write((batch) => batch.put(meta, COMMITTED_ROW, encodeTxIdRow(COMMITTED_ROW, upTo)));
      this.#committed = upTo;
    });
  }

  discardAfter(txId: bigint): Promise<void> {
    return this.#inTurn(async () => {
      if (txId < this.#committed)
        throw new StoreError("illegal_state", "cannot discard a committed transaction", { txId });
      const { engine, log } = this.#log.tables;
      if (this.#wanted > txId) this.#wanted = txId;
      const keys: Uint8Array[] = [];
      for (const { key } of log.range({ from: txRangeStart(txId + 1n) })) keys.push(key);
      await engine.write((batch) => {
        for (const key of keys) batch.remove(log, key);
      });
      engine.refresh();
      this.#log.forget();
    });
  }

  /** Runs an action while nothing is written but groups: what it does with the tables must not miss how far is committed. */
  undisturbed(action: () => Promise<void>): Promise<void> {
    return this.#inTurn(action);
  }

  /** One after another: how far is committed must only grow, and what is being committed cannot be discarded. */
  #inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /**
   * A failed commit is not "failed": looks whether the group is there. Returns when it is, throws what is known otherwise.
   * Being there is not being on disk: when only the sync failed, the page cache shows what a power cut would take. A commit
   * of its own, synced, settles that.
   */
  async #settle(last: BuiltTx, cause: unknown): Promise<void> {
    // Refused before anything was written: there is nothing to find out.
    if (cause instanceof StoreError && cause.code === "disk_low") throw cause;
    let stored: bigint;
    try {
      await this.#inTurn(async () => {
        this.#log.tables = await this.#reopen();
      });
      stored = this.#log.lastTxId();
      if (stored === last.header.id) await confirm(this.#log.tables);
    } catch (error) {
      throw new StoreError(
        "outcome_unknown",
        "the write failed and the log cannot be brought to a known state: the outcome is unknown",
        {},
        error,
      );
    }
    if (stored === last.header.id) return;
    throw new StoreError("write_failed", "the write failed: nothing was stored", {}, cause);
  }
}

/** Who commits alone has no row that says how far. */
async function writeMode({ engine, meta }: LogTables, commitsAlone: boolean, committed: bigint): Promise<void> {
  await engine.write((batch) => {
    if (commitsAlone) batch.remove(meta, COMMITTED_ROW);
    else batch.put(meta, COMMITTED_ROW, encodeTxIdRow(COMMITTED_ROW, committed));
  });
}

/** Whether a failed write has definitely stored nothing. */
function isNothing(failure: unknown): boolean {
  return failure instanceof StoreError && failure.code !== "outcome_unknown";
}

function requireThere(committed: bigint, last: bigint): bigint {
  if (committed <= last) return committed;
  throw new StoreError("damaged", "data is damaged: how far the log is committed", { what: "committed" });
}
