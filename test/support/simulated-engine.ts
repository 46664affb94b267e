// The engine seam, and everything else that the store asks of a disk, in memory: for tests that end processes and cut the
// power. Everything is decided by one seed.
//
//   write() ── committed: seen by reads ── some turns later ── synced: survives a power cut ── resolves
//
// An engine opened without `durable` resolves when committed and is synced only when it is closed. What a crash leaves is
// said in simulated-environment.ts and simulated-files.ts.

import type { DataDirectory } from "../../src/database/data-directory.ts";
import {
  type Engine,
  type EngineDriver,
  type EngineOptions,
  type PeekedValue,
  peekedCopy,
  type RangeOptions,
  type Row,
  type Table,
  type WriteBatch,
} from "../../src/store/engine.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { StorePlace } from "../../src/store/place.ts";
import type { SeededRandom } from "./seeded-random.ts";
import {
  type Flip,
  type Operation,
  SimulatedEnvironment,
  type SimulatedRows,
  toText,
} from "./simulated-environment.ts";
import { SimulatedFiles, type SimulatedProcess } from "./simulated-files.ts";

/**
 * Whether and how a write fails. `full`: no space, nothing is stored, and of a file nothing is created; `lost`: an error, nothing is stored; `stored`: the
 * batch is there in spite of the error.
 */
export type WriteFault = "none" | "full" | "lost" | "stored";

export interface SimulatedDiskOptions {
  readonly random: SeededRandom;
  /** Asked before each durable write. */
  readonly fault?: () => WriteFault;
  /** Asked before each write of an unsynced environment or of a file. */
  readonly otherFault?: () => WriteFault;
  /** Whether an engine answers no reads after a write that ended in `lost` or `stored`, until it can be opened again. */
  readonly panics?: () => boolean;
  /** The disk (or the program) that lies: durable writes resolve and are never synced. */
  readonly ignoreSync?: boolean;
  /** Durable writes resolve when they are committed, some turns before they are synced. */
  readonly answerEarly?: boolean;
}

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions;
  readonly #environments = new Map<string, SimulatedEnvironment>();
  readonly #files: SimulatedFiles;
  #process: SimulatedProcess = { alive: true };

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.#files = new SimulatedFiles(options.random, async (process) => {
      await this.#turns(options.random.below(4), process);
      requireWritten(options.otherFault?.() ?? "none");
    });
  }

  /** The driver that a process uses from now until the next crash. After it, nothing that the process does has an effect. */
  driver(): EngineDriver {
    const process = this.#process;
    const environments = this.#environments;
    const aMoment = (): Promise<void> => this.#turns(this.#options.random.below(2), process);
    return {
      open: async (directory, options) => {
        await aMoment();
        let environment = environments.get(directory);
        if (environment === undefined) {
          environment = new SimulatedEnvironment(options.durable);
          environments.set(directory, environment);
        }
        if (options.durable && options.readOnly !== true) {
          requireSynced(this.#options.otherFault?.() ?? "none");
          if (!this.#options.ignoreSync) environment.sync();
        }
        const copyTo = (target: string, copy: SimulatedEnvironment): void => void environments.set(target, copy);
        const turns = (count: number): Promise<void> => this.#turns(count, process);
        return new SimulatedEngine(environment, options, this.#options, turns, copyTo);
      },
      exists: async (directory) => environments.has(directory),
      move: async (from, to) => {
        await aMoment();
        const environment = environments.get(from);
        if (environment === undefined) throw new Error(`no environment ${from}`);
        environments.delete(from);
        environments.set(to, environment);
      },
      destroy: async (directory) => {
        await aMoment();
        environments.delete(directory);
      },
      check: async () => undefined,
      probe: async () => "whole",
    };
  }

  /** The place of a database on this disk, for the process that lives now. */
  place(directory = "simulated"): StorePlace {
    return this.#files.place(directory, this.#process);
  }

  /** A data directory on this disk, for the process that lives now. */
  dataDirectory(path: string): DataDirectory {
    const process = this.#process;
    return {
      path,
      occupy: () => this.#files.occupy(path, process),
      leave: async () => this.#files.leave(path, process),
      read: async (file) => this.#files.read(`${path}/${file}`),
      replace: (file, content) => this.#files.replace(`${path}/${file}`, content, process),
      place: (database) => this.#files.place(`${path}/${database}`, process),
      remove: async (database) => {
        await this.#turns(this.#options.random.below(4), process);
        requireWritten(this.#options.otherFault?.() ?? "none");
        this.#files.remove(`${path}/${database}`);
        for (const directory of [...this.#environments.keys()])
          if (directory.startsWith(`${path}/${database}/`)) this.#environments.delete(directory);
      },
    };
  }

  /** The process ends, and with it every write that it has not committed. With the machine goes what is not synced. */
  crash(what: "process" | "machine" = "machine"): void {
    this.#process.alive = false;
    this.#process = { alive: true };
    for (const environment of this.#environments.values()) environment.users = { engines: 0, writes: 0 };
    if (what === "process") return;
    this.#files.cutPower();
    for (const environment of this.#environments.values()) environment.cutPower(this.#options.random);
  }

  /** Flips a bit of a stored row of an environment. Everything must be closed. undefined when there is nothing to flip. */
  flip(directory: string): Flip | undefined {
    return this.#environments.get(directory)?.flip(this.#options.random);
  }

  /** How many engines the living process has of environments whose directory ends so, and writes of theirs under way. */
  users(suffix: string): { readonly engines: number; readonly writes: number } {
    const users = [...this.#environments]
      .filter(([directory]) => directory.endsWith(suffix))
      .map(([, { users }]) => users);
    const sum = (of: "engines" | "writes"): number => users.reduce((total, each) => total + each[of], 0);
    return { engines: sum("engines"), writes: sum("writes") };
  }

  /** A row as the living process would read it. */
  peek(directory: string, table: string, key: Uint8Array): Uint8Array | undefined {
    return this.#environments.get(directory)?.table(table).get(key);
  }

  /** The tables of an environment as the living process would read them, by name. */
  tables(directory: string): Readonly<Record<string, SimulatedRows>> {
    return Object.fromEntries(this.#environments.get(directory)?.tables() ?? []);
  }

  async #turns(count: number, process: SimulatedProcess): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
    if (!process.alive) await new Promise<never>(() => undefined);
  }
}

/** Waits some turns of the event loop; for ever once the process is dead. */
type Turns = (count: number) => Promise<void>;

class SimulatedEngine implements Engine {
  readonly #environment: SimulatedEnvironment;
  readonly #durable: boolean;
  readonly #readOnly: boolean;
  readonly #beforeWrites: EngineOptions["beforeWrites"];
  readonly #copyTo: (directory: string, copy: SimulatedEnvironment) => void;
  #mayWrite = false;
  readonly #disk: SimulatedDiskOptions;
  readonly #turns: Turns;
  readonly #users: { engines: number; writes: number };
  readonly #tables = new Map<string, SimulatedTable>();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  #isBroken = false;

  constructor(
    environment: SimulatedEnvironment,
    options: EngineOptions,
    disk: SimulatedDiskOptions,
    turns: Turns,
    copyTo: (directory: string, copy: SimulatedEnvironment) => void,
  ) {
    this.#environment = environment;
    this.#copyTo = copyTo;
    this.#durable = options.durable;
    this.#readOnly = options.readOnly === true;
    this.#beforeWrites = options.beforeWrites;
    this.#disk = disk;
    this.#turns = turns;
    this.#users = environment.users;
    this.#users.engines++;
  }

  table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new SimulatedTable(name, this.#environment.table(name), () => this.#requireOpen());
      this.#tables.set(name, table);
    }
    return table;
  }

  async write(fill: (batch: WriteBatch) => void): Promise<void> {
    if (this.#closed) throw closed();
    const batch: Operation[] = [];
    const note = (table: Table, key: Uint8Array, value: Uint8Array | undefined): void => {
      batch.push({ table: (table as SimulatedTable).name, key: toText(key), value: value?.slice() });
    };
    fill({ put: note, remove: (table, key) => note(table, key, undefined) });
    const done = this.#queue.then(() => this.#commit(batch));
    this.#queue = done.catch(() => undefined);
    this.#users.writes++;
    await done.finally(() => this.#users.writes--);
  }

  refresh(): void {
    // Reads are always of the latest committed state.
  }

  sizeBytes(): number {
    return 0;
  }

  async sync(): Promise<void> {
    if (this.#closed) throw closed();
    await this.#queue;
    await this.#turns(1);
    if (!this.#durable) requireSynced(this.#disk.otherFault?.() ?? "none");
    if (!this.#disk.ignoreSync) this.#environment.sync();
  }

  async copy(directory: string): Promise<void> {
    this.#requireOpen();
    const copy = this.#environment.copy();
    await this.#turns(this.#disk.random.below(4));
    requireWritten(this.#disk.otherFault?.() ?? "none");
    this.#copyTo(directory, copy);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#users.engines--;
    await this.#queue;
    await this.#turns(1);
    if (!this.#durable) requireWritten(this.#disk.otherFault?.() ?? "none");
    if (!this.#disk.ignoreSync) this.#environment.sync();
  }

  #requireOpen(): void {
    if (!this.#closed && !this.#isBroken) return;
    if (this.#isBroken) this.#queue = this.#queue.then(() => this.#reopen());
    throw closed();
  }

  async #reopen(): Promise<void> {
    if (!this.#isBroken) return;
    await this.#turns(1);
    this.#isBroken = this.#fault() !== "none";
  }

  async #commit(batch: readonly Operation[]): Promise<void> {
    const { random, ignoreSync, answerEarly } = this.#disk;
    if (!this.#mayWrite) await this.#beforeWrites?.();
    this.#mayWrite = true;
    await this.#turns(random.below(3));
    await this.#reopen();
    if (this.#readOnly || this.#isBroken) throw new StoreError("write_failed", "the environment takes no writes");
    const fault = this.#fault();
    if (fault === "none" || fault === "stored") this.#environment.commit(batch);
    if (fault === "lost" || fault === "stored") this.#isBroken = this.#disk.panics?.() ?? false;
    if (fault === "full") throw new StoreError("disk_low", "the simulated disk is full");
    requireWritten(fault);
    if (!this.#durable || ignoreSync) return;
    const synced = this.#turns(1 + random.below(6)).then(() => this.#environment.sync());
    if (!answerEarly) await synced;
  }

  #fault(): WriteFault {
    return (this.#durable ? this.#disk.fault?.() : this.#disk.otherFault?.()) ?? "none";
  }
}

class SimulatedTable implements Table {
  readonly name: string;
  readonly #rows: SimulatedRows;
  readonly #requireOpen: () => void;

  constructor(name: string, rows: SimulatedRows, requireOpen: () => void) {
    this.name = name;
    this.#rows = rows;
    this.#requireOpen = requireOpen;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#requireOpen();
    return this.#rows.get(key);
  }

  peek(key: Uint8Array): PeekedValue | undefined {
    return peekedCopy(this.get(key));
  }

  *range(options: RangeOptions): Iterable<Row> {
    this.#requireOpen();
    yield* this.#rows.range(options);
  }
}

function closed(): StoreError {
  return new StoreError("closed", "the environment is closed");
}

/** A sync needs no space. */
function requireSynced(fault: WriteFault): void {
  if (fault !== "full") requireWritten(fault);
}

function requireWritten(fault: WriteFault): void {
  if (fault === "none") return;
  const code = fault === "full" ? "ENOSPC" : "EIO";
  throw Object.assign(new Error(`${code}: simulated write failure`), { code });
}
