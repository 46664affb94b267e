// The engine seam on a simulated disk, for tests that cut the power. Everything is decided by one seed.
//
//   write() ── committed: seen by reads ── some turns later ── synced: survives a crash ── resolves
//
// An engine opened without `durable` resolves when committed and is synced only when it is closed. A crash keeps what was synced, and of the
// later batches a prefix as long as chance wants: a disk may have written more than it promised, but batches are atomic.
// `ignoreSync` is the disk (or the program) that lies: durable writes resolve without having been synced.

import { concat } from "../../src/base/bytes.ts";
import type {
  Engine,
  EngineDriver,
  EngineOptions,
  RangeOptions,
  Row,
  Table,
  WriteBatch,
} from "../../src/store/engine.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { LastEnd } from "../../src/store/open-marker.ts";
import type { StorePlace } from "../../src/store/place.ts";
import type { SegmentFiles } from "../../src/store/segment-files.ts";
import { SortedKeys } from "../../src/store/sorted-keys.ts";
import type { SeededRandom } from "./seeded-random.ts";

type Operation = { readonly table: string; readonly key: string; readonly value: Uint8Array | undefined };
type Rows = Map<string, Map<string, Uint8Array>>;

interface Power {
  on: boolean;
}

interface Environment {
  synced: Rows;
  /** Batches committed and not synced, oldest first. */
  unsynced: Operation[][];
}

/** Whether and how a durable write fails. `lost`: nothing is stored; `stored`: the batch is there in spite of the error. */
export type WriteFault = "none" | "lost" | "stored";

export interface SimulatedDiskOptions {
  readonly random: SeededRandom;
  readonly ignoreSync?: boolean;
  readonly fault?: () => WriteFault;
}

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions;
  readonly #environments = new Map<string, Environment>();
  readonly #files = new Map<string, SimulatedFile>();
  #power: Power = { on: true };
  #marker = false;
  #crashed = false;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
  }

  /** The driver that a process uses from now until the next crash. After it, nothing that the process does has an effect. */
  driver(): EngineDriver {
    const power = this.#power;
    return {
      open: async (directory, options) => {
        await whilePowered(power);
        let environment = this.#environments.get(directory);
        if (environment === undefined) {
          environment = { synced: new Map(), unsynced: [] };
          this.#environments.set(directory, environment);
        }
        return new SimulatedEngine(environment, options, this.#options, power);
      },
      exists: async (directory) => this.#environments.has(directory),
      move: async (from, to) => {
        await whilePowered(power);
        const environment = this.#environments.get(from);
        if (environment === undefined) throw new Error(`no environment ${from}`);
        this.#environments.delete(from);
        this.#environments.set(to, environment);
      },
      destroy: async (directory) => {
        await whilePowered(power);
        this.#environments.delete(directory);
      },
    };
  }

  #segmentFiles(power: Power): SegmentFiles {
    const files = this.#files;
    const turns = async (): Promise<void> => {
      for (let i = this.#options.random.below(4); i >= 0; i--) await new Promise((resolve) => setImmediate(resolve));
      await whilePowered(power);
    };
    return {
      list: async () =>
        [...files]
          .map(([name, { synced }]) => ({ name, bytes: synced.length }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      append: async (name, pieces) => {
        const file = files.get(name) ?? { synced: new Uint8Array(0), appending: new Uint8Array(0) };
        files.set(name, file);
        file.appending = concat(...pieces);
        const position = file.synced.length;
        await turns();
        file.synced = concat(file.synced, file.appending);
        file.appending = new Uint8Array(0);
        return position;
      },
      read: (name, position, length) => {
        const bytes = files.get(name)?.synced;
        return bytes === undefined || bytes.length < position + length
          ? undefined
          : bytes.slice(position, position + length);
      },
      create: async (name, bytes) => {
        await turns();
        files.set(name, { synced: bytes.slice(), appending: new Uint8Array(0) });
      },
      remove: async (names) => {
        await turns();
        for (const name of names) files.delete(name);
      },
      close: () => undefined,
    };
  }

  /** The power goes: open engines are dead, and so is every write they have not answered. */
  crash(): void {
    this.#power.on = false;
    this.#power = { on: true };
    this.#crashed = true;
    for (const file of this.#files.values()) {
      file.synced = concat(
        file.synced,
        file.appending.subarray(0, this.#options.random.below(file.appending.length + 1)),
      );
      file.appending = new Uint8Array(0);
    }
    for (const environment of this.#environments.values()) {
      const kept = this.#options.random.below(environment.unsynced.length + 1);
      for (const batch of environment.unsynced.slice(0, kept)) apply(environment.synced, batch);
      environment.unsynced = [];
    }
  }

  /** A place on this disk. `sameBoot` says whether a crash counts as the death of the process or of the machine. */
  place(sameBoot: boolean): StorePlace {
    return {
      occupy: async () => undefined,
      lastEnd: async (): Promise<LastEnd> =>
        !this.#marker || !this.#crashed ? "clean" : sameBoot ? "process_died" : "machine_went_down",
      markOpen: async () => {
        this.#marker = true;
      },
      markClosed: async () => {
        this.#marker = false;
      },
      segmentFiles: () => this.#segmentFiles(this.#power),
      leave: async () => undefined,
    };
  }
}

/** Files of which a crash keeps what was synced, and of an append under way as much as chance wants. */
interface SimulatedFile {
  synced: Uint8Array;
  appending: Uint8Array;
}

class SimulatedEngine implements Engine {
  readonly #environment: Environment;
  readonly #durable: boolean;
  readonly #disk: SimulatedDiskOptions;
  readonly #power: Power;
  readonly #tables = new Map<string, SimulatedTable>();
  readonly #live: Rows = new Map();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(environment: Environment, options: EngineOptions, disk: SimulatedDiskOptions, power: Power) {
    this.#environment = environment;
    this.#durable = options.durable;
    this.#disk = disk;
    this.#power = power;
    for (const [table, rows] of environment.synced) this.#live.set(table, new Map(rows));
    for (const batch of environment.unsynced) apply(this.#live, batch);
  }

  table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new SimulatedTable(name, this.#live.get(name), () => this.#requireOpen());
      this.#tables.set(name, table);
    }
    return table;
  }

  async write(fill: (batch: WriteBatch) => void): Promise<void> {
    this.#requireOpen();
    const batch: Operation[] = [];
    const note = (table: Table, key: Uint8Array, value: Uint8Array | undefined): void => {
      batch.push({ table: (table as SimulatedTable).name, key: toText(key), value: value?.slice() });
    };
    fill({ put: note, remove: (table, key) => note(table, key, undefined) });
    const done = this.#queue.then(() => this.#commit(batch));
    this.#queue = done.catch(() => undefined);
    await done;
  }

  refresh(): void {
    // Reads are always of the latest committed state.
  }

  sizeBytes(): number {
    return 0;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue;
    await whilePowered(this.#power);
    if (!this.#disk.ignoreSync) this.#sync();
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreError("closed", "the environment is closed");
  }

  #sync(): void {
    for (const batch of this.#environment.unsynced.splice(0)) apply(this.#environment.synced, batch);
  }

  async #commit(batch: Operation[]): Promise<void> {
    const { random, ignoreSync, fault } = this.#disk;
    await this.#turns(random.below(3));
    const outcome = this.#durable ? (fault?.() ?? "none") : "none";
    if (outcome !== "lost") {
      for (const { table, key, value } of batch) (this.table(table) as SimulatedTable).set(key, value);
      this.#environment.unsynced.push(batch);
    }
    if (outcome !== "none") throw new Error("simulated write failure");
    if (!this.#durable || ignoreSync) return;
    await this.#turns(1 + random.below(6));
    this.#sync();
  }

  /** Waits some turns of the event loop; for ever once the power is gone. */
  async #turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
    await whilePowered(this.#power);
  }
}

class SimulatedTable implements Table {
  readonly name: string;
  readonly #rows: Map<string, Uint8Array>;
  readonly #keys = new SortedKeys();
  readonly #requireOpen: () => void;

  constructor(name: string, rows: Map<string, Uint8Array> | undefined, requireOpen: () => void) {
    this.name = name;
    this.#requireOpen = requireOpen;
    this.#rows = new Map(rows);
    for (const key of this.#rows.keys()) this.#keys.insert(key);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#requireOpen();
    return this.#rows.get(toText(key))?.slice();
  }

  *range({ from, to, reverse, limit }: RangeOptions): Iterable<Row> {
    this.#requireOpen();
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

async function whilePowered(power: Power): Promise<void> {
  if (!power.on) await new Promise<never>(() => undefined);
}

function apply(rows: Rows, batch: readonly Operation[]): void {
  for (const { table, key, value } of batch) {
    let target = rows.get(table);
    if (target === undefined) {
      target = new Map();
      rows.set(table, target);
    }
    if (value === undefined) target.delete(key);
    else target.set(key, value);
  }
}

function toText(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}

function toBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}
