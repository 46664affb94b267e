// Reading the log: transactions, entries, values and nodes of the history tree, by transaction id. Every value is hashed and
// compared before it leaves; whatever cannot be what was written is a `damaged` error that names it.

import { equalBytes, utf8ToString, viewOf } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import type { NodeReader } from "../proof/history-tree.ts";
import type { InclusionProof, TxEntry, TxHeader } from "../proof/model.ts";
import { alh as computeAlh } from "../proof/tx-header.ts";
import type { Engine, Table } from "./engine.ts";
import type { EntriesBlock, StoredEntry } from "./entries-block.ts";
import { EntryList, ProvenGroups } from "./entry-list.ts";
import { StoreError } from "./errors.ts";
import { LastRows } from "./last-rows.ts";
import {
  decodeTxIdRow,
  entriesKey,
  LOG_TABLE,
  META_TABLE,
  ROW_ENTRIES,
  ROW_NODES,
  ROW_VALUES,
  TRUNCATED_ROW,
  treeKey,
  txIdOfKey,
  txKey,
  WITHHELD_ROW,
} from "./layout.ts";
import { RecentValues } from "./recent-values.ts";
import {
  blockInside,
  decodeEntriesRow,
  decodeTreeRow,
  decodeTxRecord,
  nodeOfTxRecord,
  type TxRecord,
} from "./records.ts";
import { refuseMismatch } from "./row-reader.ts";
import { hasEntriesInside, soundValueInside } from "./sound-value.ts";
import { StoredTree } from "./stored-tree.ts";
import { damagedIn } from "./value-errors.ts";
import { ValueReader, type ValueSource } from "./value-reader.ts";
import type { ValueSegments } from "./value-segments.ts";

/** The log environment and its tables; replaced as a whole when the log is reopened after a failure. */
export interface LogTables {
  readonly engine: Engine;
  readonly log: Table;
  readonly meta: Table;
}

export function logTables(engine: Engine): LogTables {
  return { engine, log: engine.table(LOG_TABLE), meta: engine.table(META_TABLE) };
}

const HEADS_MAX = 1024;

interface Head {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
}

/** The first transaction whose values are not truncated. Throws `damaged`. */
export function truncatedBefore(tables: LogTables): bigint {
  return txIdIn(tables, TRUNCATED_ROW) ?? 1n;
}

/** The transaction that a row of the meta table names; undefined when there is no such row. Throws `damaged`. */
export function txIdIn({ meta }: LogTables, row: Uint8Array): bigint | undefined {
  const bytes = meta.get(row);
  if (bytes === undefined) return undefined;
  try {
    return decodeTxIdRow(row, bytes);
  } catch (error) {
    const what = utf8ToString(row);
    throw new StoreError("damaged", `data is damaged: up to which transaction the log is ${what}`, { what }, error);
  }
}

export class TxLog {
  tables: LogTables;
  /** Values of transactions before this one are gone. */
  truncatedBefore: bigint;
  /** No later transaction came from elsewhere without its values; 0: none did. */
  withheldUpTo: bigint;
  /** Absent: whoever reads this log needs no values. */
  readonly segments: ValueSegments | undefined;
  /** Whether that is where new values go. */
  valuesInSegments: boolean;
  readonly #database: string;
  // One for all reads of records: an engine does not keep the keys it is asked for.
  readonly #txKey: Uint8Array = txKey(0n);
  readonly #txKeyView: DataView = viewOf(this.#txKey);
  readonly #tree = new StoredTree((txId, level) => this.#nodeOf(txId, level));
  /** Headers and their Alhs, checked against each other. */
  readonly #heads = new RecentValues<Head>(HEADS_MAX);
  readonly #groups = new ProvenGroups();
  /** Transactions whose entries have rows of their own. */
  readonly #inRows = new RecentValues<true>(HEADS_MAX);
  readonly #last = new LastRows();
  readonly #values: ValueReader;

  constructor(database: string, tables: LogTables, segments?: ValueSegments, valuesInSegments = false) {
    this.#database = database;
    this.tables = tables;
    this.segments = segments;
    this.truncatedBefore = truncatedBefore(tables);
    this.withheldUpTo = txIdIn(tables, WITHHELD_ROW) ?? 0n;
    this.valuesInSegments = valuesInSegments;
    this.#values = new ValueReader(database, this, this.#last);
  }

  /** Id of the last stored transaction, 0 when there is none. */
  lastTxId(): bigint {
    for (const row of this.tables.log.range({ reverse: true, limit: 1 })) return txIdOfKey(row.key);
    return 0n;
  }

  /** Throws `tx_not_found`, or `damaged`. The Alh is not recomputed: see checkedRecord. */
  record(txId: bigint): TxRecord {
    const bytes = this.#row(txId);
    return this.#decoded(txId, "transaction record", () => decodeTxRecord(bytes));
  }

  #row(txId: bigint): Uint8Array {
    this.#txKeyView.setBigUint64(0, txId);
    const bytes = this.tables.log.get(this.#txKey);
    if (bytes !== undefined) return bytes;
    if (txId >= 1n && txId <= this.lastTxId()) throw this.#damaged(txId, "transaction record");
    throw new StoreError("tx_not_found", `transaction ${txId} not found`, { txId });
  }

  /** The record, after its Alh was recomputed from its header: what proofs are built from. */
  checkedRecord(txId: bigint): TxRecord {
    const bytes = this.#row(txId);
    const known = this.#heads.get(Number(txId));
    const record = this.#decoded(txId, "transaction record", () => decodeTxRecord(bytes, refuseMismatch, known));
    if (record.header !== known?.header) this.#remember(txId, record);
    return record;
  }

  /** Header and Alh of a transaction, checked against each other. */
  header(txId: bigint): TxHeader {
    return this.#head(txId).header;
  }

  alh(txId: bigint): Uint8Array {
    return this.#head(txId).alh;
  }

  #head(txId: bigint): Head {
    return this.#heads.get(Number(txId)) ?? this.#remember(txId, this.record(txId));
  }

  #remember(txId: bigint, { header, alh }: TxRecord): Head {
    if (header.id !== txId || !equalBytes(computeAlh(header), alh)) throw this.#damaged(txId, "header");
    const { prevAlh, eh, blRoot } = header;
    // Views of rows are copied: each would keep what it shares its memory with.
    const kept = { ...header, prevAlh: prevAlh.slice(), eh: eh.slice(), blRoot: blRoot.slice() };
    const head = { header: kept, alh: alh.slice() };
    this.#heads.set(Number(txId), head);
    return head;
  }

  /** All entries of a transaction, in order. */
  list(txId: bigint, record: TxRecord): EntryList {
    return new EntryList({
      header: record.header,
      blocks: this.#blocks(txId, record),
      upperNode: this.#treeNodes(txId, record),
      decoded: (decode) => this.#decoded(txId, "entries", decode),
    });
  }

  /** The same without values, decoded. */
  entries(txId: bigint, record: TxRecord): readonly TxEntry[] {
    return this.list(txId, record).entries();
  }

  /** All entries with their store values, each value checked. */
  entriesWithValues(txId: bigint, record: TxRecord): TxEntry[] {
    return this.storedEntries(txId, record).map((stored, i) => ({
      ...stored.entry,
      value: this.#values.checked(txId, i, stored),
    }));
  }

  /** One entry and its store value, checked to belong to `key`. */
  entry(txId: bigint, index: number, key: Uint8Array): { readonly entry: TxEntry; readonly value: Uint8Array } {
    const stored = this.#storedAt(txId, index);
    if (stored === undefined || !equalBytes(stored.entry.key, key)) throw this.#damaged(txId, "entry", key);
    return { entry: stored.entry, value: this.#values.checked(txId, index, stored) };
  }

  /** The store value of one entry, checked to belong to `key`, to be read by pieces. Throws `value_truncated` as reading does. */
  valueSource(txId: bigint, index: number, key: Uint8Array): ValueSource {
    const stored = this.#storedAt(txId, index);
    if (stored === undefined || !equalBytes(stored.entry.key, key)) throw this.#damaged(txId, "entry", key);
    return this.#values.source(txId, index, stored);
  }

  /** Whether the value of an entry never was here, since it was truncated where its transaction comes from. */
  isWithheld(txId: bigint, index: number): boolean {
    return txId <= this.withheldUpTo && this.#storedAt(txId, index)?.at.place === "withheld";
  }

  /** The store value of one entry, checked to belong to `key`. */
  valueOf(txId: bigint, index: number, key: Uint8Array): Uint8Array {
    if (txId >= this.truncatedBefore) {
      const found = this.#valueInside(txId, index, key);
      if (found !== undefined) return found;
      try {
        const block = this.#blockAt(txId, Math.floor(index / ROW_ENTRIES));
        const row = block.hasValuesInRows ? this.#values.row(txId, Math.floor(index / ROW_VALUES)) : undefined;
        const value = block.soundValue(index % ROW_ENTRIES, key, row);
        if (value !== undefined) return value;
      } catch (error) {
        throw this.#damageOf(txId, "entries", error);
      }
    }
    return this.entry(txId, index, key).value;
  }

  /**
   * The same where it lies in the record of its transaction; undefined when it is not there as it should be. A transaction
   * that is read twice in a row is not looked at so: its block is kept for the next reads.
   */
  #valueInside(txId: bigint, index: number, key: Uint8Array): Uint8Array | undefined {
    if (txId === this.#last.txId) return undefined;
    this.#last.txId = txId;
    if (this.valuesInSegments || this.#inRows.get(Number(txId)) !== undefined) return undefined;
    this.#txKeyView.setBigUint64(0, txId);
    const record = this.tables.log.peek(this.#txKey);
    if (record === undefined) return undefined;
    if (hasEntriesInside(record)) return soundValueInside(record, index, key);
    this.#inRows.set(Number(txId), true);
    return undefined;
  }

  /** Proves the entry of `key`, which may be at `likely`, in a checked record. Throws `damaged`. */
  inclusionProof(txId: bigint, list: EntryList, key: Uint8Array, likely?: number): InclusionProof {
    const index = list.indexOf(key, likely);
    if (index < 0) throw this.#damaged(txId, "entries", key);
    const { proof, holds } = list.inclusionProof(index, this.#groups);
    if (!holds) throw this.#damaged(txId, "entries");
    return proof;
  }

  /** Store value of the entry at `index`, checked against its digest. */
  value(txId: bigint, index: number): Uint8Array {
    const stored = this.#storedAt(txId, index);
    if (stored === undefined) throw this.#damaged(txId, "entry");
    return this.#values.checked(txId, index, stored);
  }

  /** Node of the history tree. Throws `damaged`. */
  get node(): NodeReader {
    return this.#tree.node;
  }

  #nodeOf(txId: bigint, level: number): Uint8Array {
    const bytes = this.tables.log.get(txKey(txId));
    if (bytes === undefined) throw this.#damaged(txId, "history tree node");
    return this.#decoded(txId, "history tree node", () => nodeOfTxRecord(bytes, level));
  }

  /** Forgets what it remembers of transactions: some were discarded. */
  forget(): void {
    this.#tree.forget();
    this.#heads.clear();
    this.#inRows.clear();
    this.#groups.clear();
    this.#last.forget();
  }

  #storedAt(txId: bigint, index: number): StoredEntry | undefined {
    return this.#decoded(txId, "entries", () => {
      const block = this.#blockAt(txId, Math.floor(index / ROW_ENTRIES));
      const place = index % ROW_ENTRIES;
      return place < block.count ? block.at(place) : undefined;
    });
  }

  /** The block of entries in row `row` of a transaction, without its header. Throws what decoding throws. */
  #blockAt(txId: bigint, row: number): EntriesBlock {
    const last = this.#last.block(txId, row);
    if (last !== undefined) return last;
    const inRows = this.#inRows.get(Number(txId)) ?? false;
    const record = inRows ? undefined : this.#row(txId);
    let block = record && blockInside(record);
    if (block === undefined) {
      if (!inRows) this.#inRows.set(Number(txId), true);
      const bytes = this.tables.log.get(entriesKey(txId, row));
      if (bytes === undefined) throw this.#damaged(txId, "entries");
      block = decodeEntriesRow(bytes);
    }
    this.#last.keepBlock(txId, row, block);
    return block;
  }

  #blocks(txId: bigint, record: TxRecord): EntriesBlock[] {
    const rows = Math.ceil(record.header.nentries / ROW_ENTRIES);
    return Array.from({ length: rows }, (_, row) => this.#blockOf(txId, record, row * ROW_ENTRIES));
  }

  /** The block that holds the entry at `index`. */
  #blockOf(txId: bigint, { inside, header }: TxRecord, index: number): EntriesBlock {
    if (inside !== undefined) return inside;
    const row = Math.floor(index / ROW_ENTRIES);
    const bytes = this.tables.log.get(entriesKey(txId, row));
    if (bytes === undefined) throw this.#damaged(txId, "entries");
    return this.#decoded(txId, "entries", () =>
      decodeEntriesRow(bytes, Math.min(ROW_ENTRIES, header.nentries - row * ROW_ENTRIES)),
    );
  }

  #treeNodes(txId: bigint, { inside, header, tree }: TxRecord): (place: number) => Uint8Array {
    const rows = new Map<number, readonly Uint8Array[]>();
    return (place) => {
      const row = Math.floor(place / ROW_NODES);
      let nodes = inside === undefined ? rows.get(row) : tree;
      if (nodes === undefined) {
        const bytes = this.tables.log.get(treeKey(txId, row));
        if (bytes === undefined) throw this.#damaged(txId, "entries tree");
        nodes = this.#decoded(txId, "entries tree", () => decodeTreeRow(bytes, row, header.nentries));
        rows.set(row, nodes);
      }
      const node = nodes[inside === undefined ? place % ROW_NODES : place];
      if (node === undefined) throw this.#damaged(txId, "entries tree");
      return node;
    };
  }

  /** All entries of a transaction as they are stored. */
  storedEntries(txId: bigint, record: TxRecord): readonly StoredEntry[] {
    return this.list(txId, record).stored();
  }

  /** Decoding what a disk gave back: any failure of the decoder is damage, named. */
  #decoded<T>(txId: bigint, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      throw this.#damageOf(txId, what, error);
    }
  }

  #damageOf(txId: bigint, what: string, error: unknown): unknown {
    if (error instanceof StoreError) return error;
    const isDamage = error instanceof RangeError || error instanceof RoomError;
    return isDamage ? this.#damaged(txId, what, undefined, error) : error;
  }

  #damaged(txId: bigint, what: string, key?: Uint8Array, cause?: unknown): StoreError {
    return damagedIn(this.#database, txId, what, key, cause);
  }
}
