// Reading the log: transactions, entries, values and nodes of the history tree, by transaction id. Every value is hashed and
// compared before it leaves; whatever cannot be what was written is a `damaged` error that names it.

import { equalBytes, toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import type { NodeReader } from "../proof/history-tree.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import { sha256 } from "../proof/sha256.ts";
import { alh as computeAlh } from "../proof/tx-header.ts";
import type { Engine, Table } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { nameOfKey } from "./key-name.ts";
import {
  entriesKey,
  LOG_TABLE,
  META_TABLE,
  PART_ENTRIES,
  txIdOfKey,
  txKey,
  VALUE_PIECE_BYTES_MAX,
  valueKey,
} from "./layout.ts";
import { decodeEntriesPart, decodeTxRecord, nodeOfTxRecord, type StoredEntry, type TxRecord } from "./records.ts";

/** The log environment and its tables; replaced as a whole when the log is reopened after a failure. */
export interface LogTables {
  readonly engine: Engine;
  readonly log: Table;
  readonly meta: Table;
}

export function logTables(engine: Engine): LogTables {
  return { engine, log: engine.table(LOG_TABLE), meta: engine.table(META_TABLE) };
}

const NODE_CACHE_MAX = 16_384;

export class TxLog {
  tables: LogTables;
  readonly #database: string;
  readonly #nodes = new Map<string, Uint8Array>();

  constructor(database: string, tables: LogTables) {
    this.#database = database;
    this.tables = tables;
  }

  /** Id of the last stored transaction, 0 when there is none. */
  lastTxId(): bigint {
    for (const row of this.tables.log.range({ reverse: true, limit: 1 })) return txIdOfKey(row.key);
    return 0n;
  }

  /** Throws `tx_not_found`, or `damaged`. The Alh is not recomputed: see checkedRecord. */
  record(txId: bigint): TxRecord {
    const bytes = this.tables.log.get(txKey(txId));
    if (bytes === undefined) throw new StoreError("tx_not_found", `transaction ${txId} not found`, { txId });
    return this.#decoded(txId, "transaction record", () => decodeTxRecord(bytes));
  }

  /** The record, after its Alh was recomputed from its header: what proofs are built from. */
  checkedRecord(txId: bigint): TxRecord {
    const record = this.record(txId);
    if (record.header.id !== txId || !equalBytes(computeAlh(record.header), record.alh))
      throw this.#damaged(txId, "header");
    return record;
  }

  /** Header and Alh of a transaction, checked against each other. */
  header(txId: bigint): TxHeader {
    return this.checkedRecord(txId).header;
  }

  alh(txId: bigint): Uint8Array {
    return this.checkedRecord(txId).alh;
  }

  /** All entries of a transaction, in order, without values. */
  entries(txId: bigint, record: TxRecord): readonly TxEntry[] {
    return this.#stored(txId, record).map((stored) => stored.entry);
  }

  /** All entries with their store values, each value checked. */
  entriesWithValues(txId: bigint, record: TxRecord): TxEntry[] {
    return this.#stored(txId, record).map((stored, i) => ({ ...stored.entry, value: this.#value(txId, i, stored) }));
  }

  /** One entry and its store value, checked to belong to `key`. */
  entry(txId: bigint, index: number, key: Uint8Array): { readonly entry: TxEntry; readonly value: Uint8Array } {
    const stored = this.#storedAt(txId, index);
    if (stored === undefined || !equalBytes(stored.entry.key, key)) throw this.#damaged(txId, "entry", key);
    return { entry: stored.entry, value: this.#value(txId, index, stored) };
  }

  /** Index of the entry of `key` in a transaction; -1 when it has none. */
  indexOf(txId: bigint, record: TxRecord, key: Uint8Array): number {
    return this.#stored(txId, record).findIndex((stored) => equalBytes(stored.entry.key, key));
  }

  /** Store value of the entry at `index`, checked against its digest. */
  value(txId: bigint, index: number): Uint8Array {
    const stored = this.#storedAt(txId, index);
    if (stored === undefined) throw this.#damaged(txId, "entry");
    return this.#value(txId, index, stored);
  }

  /** Node of the history tree, kept by the transaction whose leaf completed it. */
  readonly node: NodeReader = (level, index) => {
    const cacheKey = `${level}/${index}`;
    let node = this.#nodes.get(cacheKey);
    if (node === undefined) {
      const txId = (BigInt(index) + 1n) << BigInt(level);
      const bytes = this.tables.log.get(txKey(txId));
      if (bytes === undefined) throw this.#damaged(txId, "history tree node");
      node = this.#decoded(txId, "history tree node", () => nodeOfTxRecord(bytes, level)).slice();
      if (this.#nodes.size >= NODE_CACHE_MAX) this.#nodes.delete(this.#nodes.keys().next().value as string);
      this.#nodes.set(cacheKey, node);
    }
    return node;
  };

  /** Forgets cached nodes: transactions were discarded. */
  forgetNodes(): void {
    this.#nodes.clear();
  }

  #stored(txId: bigint, record: TxRecord): readonly StoredEntry[] {
    if (record.entries !== undefined) return record.entries;
    const entries: StoredEntry[] = [];
    for (let part = 0; entries.length < record.header.nentries; part++) {
      entries.push(...this.#part(txId, part, Math.min(PART_ENTRIES, record.header.nentries - entries.length)));
    }
    return entries;
  }

  #storedAt(txId: bigint, index: number): StoredEntry | undefined {
    const record = this.record(txId);
    if (record.entries !== undefined) return record.entries[index];
    if (index >= record.header.nentries) return undefined;
    const first = index - (index % PART_ENTRIES);
    const part = this.#part(txId, first / PART_ENTRIES, Math.min(PART_ENTRIES, record.header.nentries - first));
    return part[index - first];
  }

  #part(txId: bigint, part: number, count: number): StoredEntry[] {
    const bytes = this.tables.log.get(entriesKey(txId, part));
    if (bytes === undefined) throw this.#damaged(txId, "entries");
    return this.#decoded(txId, "entries", () => decodeEntriesPart(bytes, count));
  }

  #value(txId: bigint, index: number, stored: StoredEntry): Uint8Array {
    const value = stored.value ?? this.#pieces(txId, index, stored.entry);
    if (value.length !== stored.entry.vLen || !equalBytes(sha256(value), stored.entry.hValue)) {
      throw this.#damaged(txId, "value", stored.entry.key);
    }
    return value;
  }

  #pieces(txId: bigint, index: number, entry: TxEntry): Uint8Array {
    const value = new Uint8Array(entry.vLen);
    for (let at = 0, piece = 0; at < value.length; piece++) {
      const bytes = this.tables.log.get(valueKey(txId, index, piece));
      const expected = Math.min(VALUE_PIECE_BYTES_MAX, value.length - at);
      if (bytes === undefined || bytes.length !== expected) throw this.#damaged(txId, "value", entry.key);
      value.set(bytes, at);
      at += bytes.length;
    }
    return value;
  }

  /** Decoding what a disk gave back: any failure of the decoder is damage, named. */
  #decoded<T>(txId: bigint, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (error instanceof RangeError || error instanceof RoomError) throw this.#damaged(txId, what, undefined, error);
      throw error;
    }
  }

  #damaged(txId: bigint, what: string, key?: Uint8Array, cause?: unknown): StoreError {
    const named = key === undefined ? "" : ` of key ${nameOfKey(key)}`;
    const message = `data is damaged: ${what}${named} in transaction ${txId} of database ${this.#database} is not what was written`;
    const data = { database: this.#database, txId, what, ...(key === undefined ? {} : { key: toHex(key) }) };
    return new StoreError("damaged", message, data, cause);
  }
}
