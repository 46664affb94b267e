// One environment on a simulated disk: named tables of rows in key order.
//
//   commit ──▶ page cache: what reads see ──sync──▶ disk
//
//   the process dies       the page cache stays, and what of it is not synced
//   the machine goes down  durable environment: the disk, and of the later batches a prefix as long as chance wants (a disk
//                          may have written more than it promised, but batches are atomic)
//                          unsynced environment that was written since it was last synced: torn, with rows gone and rows
//                          garbled, old ones too

import type { RangeOptions, Row } from "../../src/store/engine.ts";
import { SortedKeys } from "../../src/store/sorted-keys.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface Operation {
  readonly table: string;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A bit of a stored byte that is not what was written. */
export interface Flip {
  readonly table: string;
  readonly key: Uint8Array;
  /** The row's value before and after. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Writes back what was there. */
  restore(): void;
}

export class SimulatedEnvironment {
  /** Engines that the living process has of it, and writes of theirs under way. */
  users: { engines: number; writes: number } = { engines: 0, writes: 0 };
  readonly #durable: boolean;
  readonly #cached = new Map<string, SimulatedRows>();
  readonly #synced = new Map<string, Map<string, Uint8Array>>();
  #unsynced: (readonly Operation[])[] = [];

  constructor(durable: boolean) {
    this.#durable = durable;
  }

  /** Rows as reads see them. */
  table(name: string): SimulatedRows {
    let table = this.#cached.get(name);
    if (table === undefined) {
      table = new SimulatedRows();
      this.#cached.set(name, table);
    }
    return table;
  }

  tables(): Iterable<[name: string, rows: SimulatedRows]> {
    return this.#cached;
  }

  commit(batch: readonly Operation[]): void {
    for (const { table, key, value } of batch) this.table(table).set(key, value);
    this.#unsynced.push(batch);
  }

  /** Another one with the same rows, on disk. */
  copy(): SimulatedEnvironment {
    const copy = new SimulatedEnvironment(this.#durable);
    const rows = [...this.#cached].flatMap(([table, rows]) =>
      [...rows.range({})].map(({ key, value }) => ({ table, key: toText(key), value })),
    );
    copy.commit(rows);
    copy.sync();
    return copy;
  }

  sync(): void {
    for (const batch of this.#unsynced.splice(0)) this.#write(batch);
  }

  /** Says whether rows were torn. */
  cutPower(random: SeededRandom): boolean {
    const written = this.#unsynced.length > 0;
    for (const batch of this.#unsynced.slice(0, random.below(this.#unsynced.length + 1))) this.#write(batch);
    this.#unsynced = [];
    const torn = written && !this.#durable;
    if (torn) this.#tear(random);
    this.#cached.clear();
    for (const [name, rows] of this.#synced) for (const [key, value] of rows) this.table(name).set(key, value);
    return torn;
  }

  /** Flips one bit of one row of one table. undefined when all rows are empty. Everything must be synced. */
  flip(random: SeededRandom): Flip | undefined {
    const tables = [...this.#synced].filter(([, rows]) => [...rows.values()].some((value) => value.length > 0));
    const [table, rows] = tables[random.below(tables.length)] ?? [];
    if (table === undefined || rows === undefined) return undefined;
    const candidates = [...rows].filter(([, value]) => value.length > 0);
    const [key, before] = candidates[random.below(candidates.length)] as [string, Uint8Array];
    const after = before.slice();
    const at = random.below(after.length);
    after[at] = (after[at] as number) ^ (1 << random.below(8));
    const put = (value: Uint8Array): void => {
      rows.set(key, value);
      this.table(table).set(key, value);
    };
    put(after);
    return { table, key: toBytes(key), before, after, restore: () => put(before) };
  }

  #write(batch: readonly Operation[]): void {
    for (const { table, key, value } of batch) {
      let rows = this.#synced.get(table);
      if (rows === undefined) {
        rows = new Map();
        this.#synced.set(table, rows);
      }
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
  }

  #tear(random: SeededRandom): void {
    for (const rows of this.#synced.values()) {
      for (const [key, value] of [...rows]) {
        const fate = random.next();
        if (fate < 0.15) rows.delete(key);
        else if (fate < 0.3) rows.set(key, random.bytes(value.length));
      }
    }
  }
}

/** Rows of one table. */
export class SimulatedRows {
  readonly #rows = new Map<string, Uint8Array>();
  readonly #keys = new SortedKeys();

  get size(): number {
    return this.#rows.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(toText(key))?.slice();
  }

  *range({ from, to, reverse, limit }: RangeOptions): Iterable<Row> {
    let rows = 0;
    for (const key of this.#keys.range(from && toText(from), to && toText(to), reverse === true)) {
      if (rows++ === limit) return;
      yield { key: toBytes(key), value: (this.#rows.get(key) as Uint8Array).slice() };
    }
  }

  set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      if (this.#rows.delete(key)) this.#keys.remove(key);
    } else {
      if (!this.#rows.has(key)) this.#keys.insert(key);
      this.#rows.set(key, value);
    }
  }
}

/** A key as text, one code unit a byte: it compares as the bytes do. */
export function toText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

function toBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}
