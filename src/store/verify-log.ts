// The log, row by row in its order, once: every transaction's record, entries and values, the chain that they make, and that no
// row is left over. What the index must hold is summed up on the way.

import { compareBytes, equalBytes, toHex, viewOf } from "../base/bytes.ts";
import type { NodeReader } from "../proof/history-tree.ts";
import type { TxEntry } from "../proof/model.ts";
import type { StorePoint } from "./commit-state.ts";
import type { Engine, Table } from "./engine.ts";
import type { StoredEntry } from "./entries-block.ts";
import { txIdOfKey, txKey, txRangeStart } from "./layout.ts";
import { decodeTxHead, decodeTxRecord, nodeOfTxRecord, type TxRecord } from "./records.ts";
import { RowStream } from "./row-stream.ts";
import { TxRanges } from "./tx-ranges.ts";
import { ChainCheck } from "./verify-chain.ts";
import { EntriesCheck } from "./verify-entries.ts";
import type { Pace } from "./verify-pace.ts";
import { type Findings, isMalformed } from "./verify-report.ts";
import type { SegmentReader } from "./verify-segments.ts";
import type { VersionSet } from "./version-set.ts";

export interface LogCheckParts {
  readonly engine: Engine;
  readonly log: Table;
  readonly segments: SegmentReader;
  readonly findings: Findings;
  /** States that the log must hold. */
  readonly known: readonly StorePoint[];
  readonly truncatedBefore: () => bigint;
  /** No later transaction came without its values. */
  readonly withheldUpTo: () => bigint;
  /** The transaction that the index has come to; its versions and those of earlier ones are added to `versions`. */
  readonly indexed: bigint;
  readonly versions: VersionSet;
}

interface ReadRecord {
  readonly head: Omit<TxRecord, "inside">;
  /** Whether its checksum fails. */
  readonly failed: boolean;
  /** `elsewhere`: in rows of their own. undefined: they cannot be read. */
  readonly entries: readonly StoredEntry[] | "elsewhere" | undefined;
}

export class LogCheck {
  /** Transactions whose entries cannot be relied on. */
  readonly unread: TxRanges = new TxRanges();
  /** Alh of the transaction that the index has come to. */
  indexedAlh: Uint8Array | undefined;
  readonly #parts: LogCheckParts;
  readonly #rows: RowStream;
  readonly #chain: ChainCheck;
  readonly #entries: EntriesCheck;
  #txId = 0n;

  constructor(parts: LogCheckParts) {
    const { engine, log, findings, known, segments, truncatedBefore, withheldUpTo } = parts;
    this.#parts = parts;
    this.#rows = new RowStream(engine, log);
    this.#chain = new ChainCheck(findings, known, storedNodes(log));
    this.#entries = new EntriesCheck(findings, {
      take: (key) => this.#take(key),
      segments,
      truncatedBefore,
      withheldUpTo,
      refresh: () => {
        this.#rows.pause();
        engine.refresh();
      },
    });
  }

  /** The last transaction that was passed. */
  get end(): StorePoint {
    return this.#chain.end;
  }

  /** Goes through the transactions up to `last`. Rows beyond it are let be when the log is `live`. */
  async run(last: bigint, live: boolean, pace: Pace): Promise<void> {
    for (let row = this.#rows.peek(); row !== undefined; row = this.#rows.peek()) {
      if (live && row.key.length >= 8 && txIdOfKey(row.key) > last) break;
      if (pace.due) {
        this.#rows.pause();
        await pace.rest("log", Number(this.#txId), Number(last));
      }
      this.#rows.next();
      const txId = row.key.length < 8 ? 0n : txIdOfKey(row.key);
      if (txId <= this.#txId || !equalBytes(row.key, txKey(txId))) this.#orphan(row.key);
      else this.#transaction(txId, row.value);
    }
    this.#skipTo(last + 1n);
    this.#rows.pause();
    this.#sumUp();
  }

  #transaction(txId: bigint, row: Uint8Array): void {
    this.#skipTo(txId);
    this.#txId = txId;
    this.#parts.findings.covered.transactions++;
    const read = readSound(txId, row) ?? this.#readRecord(txId, row);
    if (read === undefined) {
      this.#chain.skip(1n);
      this.#giveUp(txId);
      return;
    }
    const before = this.#parts.findings.count;
    const sound = this.#chain.check(read.head);
    if (txId === this.#parts.indexed) this.indexedAlh = this.#chain.end.alh;
    if (sound) this.#checkEntries(txId, read);
    else this.#giveUp(txId);
    if (read.failed && this.#parts.findings.count === before)
      this.#parts.findings.add("record", "the checksum of the transaction's record fails", { txId });
  }

  #checkEntries(txId: bigint, { head, entries: inside }: ReadRecord): void {
    const inRows = inside === "elsewhere";
    const entries = inRows ? this.#entries.readRows(head.header) : inside;
    if (entries === undefined) this.#giveUp(txId);
    else if (this.#entries.check(head, entries, inRows)) this.#index(txId, entries);
    else this.unread.add(txId, txId);
  }

  /** The record of a transaction. A checksum that fails only says that something is wrong, so what it covers is read on. */
  #readRecord(txId: bigint, row: Uint8Array): ReadRecord | undefined {
    const { findings } = this.#parts;
    const failed = new Set<"record" | "entry">();
    try {
      const head = decodeTxHead(row, (of) => failed.add(of));
      if (head.header.id === txId || failed.has("record"))
        return { head, failed: failed.has("record"), entries: this.#readInside(txId, row, failed) };
      findings.add("record", `the record is that of transaction ${head.header.id}`, { txId });
    } catch (error) {
      if (!isMalformed(error)) throw error;
      findings.add("record", `the transaction's record cannot be read: ${error.message}`, { txId });
    }
    return undefined;
  }

  #readInside(txId: bigint, row: Uint8Array, failed: Set<"record" | "entry">): ReadRecord["entries"] {
    const { findings } = this.#parts;
    try {
      const entries = decodeTxRecord(row, (of) => failed.add(of)).inside?.all();
      if (failed.has("entry")) findings.add("entry", "the checksum of an entry fails", { txId });
      return entries ?? "elsewhere";
    } catch (error) {
      if (!isMalformed(error)) throw error;
      if (!failed.has("record")) findings.add("entry", `the entries cannot be read: ${error.message}`, { txId });
      return undefined;
    }
  }

  #index(txId: bigint, entries: readonly StoredEntry[]): void {
    const { indexed, versions } = this.#parts;
    if (txId > indexed) return;
    entries.forEach(({ entry: { key, metadata } }: { readonly entry: TxEntry }, i) => {
      if (metadata?.nonIndexable !== true) versions.add(key, txId, i, metadata);
    });
  }

  /** The row of this key, if it is the next one; rows before it belong to nothing. */
  #take(key: Uint8Array): Uint8Array | undefined {
    for (let row = this.#rows.peek(); row !== undefined; row = this.#rows.peek()) {
      const order = compareBytes(row.key, key);
      if (order > 0) return undefined;
      this.#rows.next();
      if (order === 0) return row.value;
      this.#orphan(row.key);
    }
    return undefined;
  }

  /** The entries of a transaction cannot be relied on: its other rows say nothing. */
  #giveUp(txId: bigint): void {
    this.unread.add(txId, txId);
    const next = txRangeStart(txId + 1n);
    for (let row = this.#rows.peek(); row !== undefined && compareBytes(row.key, next) < 0; row = this.#rows.peek())
      this.#rows.next();
  }

  /** Transactions before this one that are not there. */
  #skipTo(txId: bigint): void {
    const [from, to] = [this.#txId + 1n, txId - 1n];
    if (from > to) return;
    const { findings } = this.#parts;
    findings.add("transaction", from === to ? "it is missing" : `it is missing, and all up to ${to}`, { txId: from });
    this.unread.add(from, to);
    this.#chain.skip(to - from + 1n);
    this.#txId = to;
  }

  #orphan(key: Uint8Array): void {
    const txId = key.length < 8 ? undefined : viewOf(key).getBigUint64(0);
    const where = txId === undefined ? {} : { txId };
    this.#parts.findings.add("row", `the row ${toHex(key.subarray(0, 20))} of the log belongs to nothing`, where);
  }

  #sumUp(): void {
    const { notCovered } = this.#parts.findings;
    const { truncatedValues, withheldValues } = this.#entries;
    if (truncatedValues > 0)
      notCovered.push(
        `${truncatedValues} values of transactions before ${this.#parts.truncatedBefore()}: they were truncated`,
      );
    if (withheldValues > 0)
      notCovered.push(
        `${withheldValues} values that never came: they were truncated where their transactions come from`,
      );
    const { treeUnchecked } = this.#chain;
    if (treeUnchecked > 0)
      notCovered.push(`the history tree at ${treeUnchecked} transactions: too much before them is damaged`);
    if (!this.unread.isEmpty) notCovered.push(`the entries of transactions ${this.unread}: they are damaged`);
  }
}

/** A record in which every checksum holds. */
function readSound(txId: bigint, row: Uint8Array): ReadRecord | undefined {
  try {
    const record = decodeTxRecord(row);
    if (record.header.id !== txId) return undefined;
    return { head: record, failed: false, entries: record.inside?.all() ?? "elsewhere" };
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
}

/** Nodes of the history tree as they are stored. Throws RangeError for one that cannot be read. */
function storedNodes(log: Table): NodeReader {
  return (level, index) => {
    const row = log.get(txKey((BigInt(index) + 1n) << BigInt(level)));
    if (row === undefined) throw new RangeError("the transaction is missing");
    return nodeOfTxRecord(row, level);
  };
}
