// LMDB behind the engine seam: the only file that imports lmdb.
//
// `overlappingSync: false` makes the commit promise mean "on disk"; with overlapping sync it would only mean "visible".
// Commits run in lmdb's own native thread, so JavaScript hashes the next group while the last one syncs.
// Pages of 8 KiB: LMDB limits keys to a quarter of a page or so (1,978 bytes at 4 KiB), and a key of 1,024 bytes with the
// escapes of an SQL index key passes that.

import { existsSync, mkdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Database, type DatabaseOptions, open, type RootDatabase } from "lmdb";
import { utf8ToString } from "../base/bytes.ts";
import { WALK_FIRST_BYTES_MAX } from "../base/limits.ts";
import { CheckedEngine, type HoldingEngine } from "./checked-engine.ts";
import type { EngineDriver, EngineOptions, PeekedValue, RangeOptions, Row, Table, WriteBatch } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { checkLmdbFile, damaged } from "./lmdb-check.ts";
import { namedDamage, namingDamage, REOPENING } from "./lmdb-damage.ts";
import { bytesOf, DATA_FILE, makeFile, syncFile } from "./lmdb-file.ts";
import { reserveLockFile } from "./lmdb-lock-file.ts";
import { growthMax, requireRoomIn } from "./lmdb-room.ts";
import { BEYOND_KEY_BYTES, boundAt, peekedAt, ROW_CODEC } from "./lmdb-rows.ts";
import { probeEnvironment } from "./probing.ts";
import { syncDirectory } from "./sync-directory.ts";
import { Pace } from "./verify-pace.ts";
import { walkPages } from "./verify-pages.ts";

const PAGE_BYTES = 8192;
const TABLES_MAX = 16;
/** The first key that there can be: an empty one is none. */
const FIRST_KEY: Uint8Array = Uint8Array.of(0);
/** What a new environment writes before its first batch, its tables among it; amply. */
const NEW_BYTES: number = 64 * PAGE_BYTES;

type Store = Database<Uint8Array, Uint8Array>;
type LmdbRangeOptions = Exclude<Parameters<Store["getRange"]>[0], undefined>;

/** LMDB environments, one directory each. */
export const lmdbDriver: EngineDriver = makeLmdbDriver(WALK_FIRST_BYTES_MAX);

/** `walkFirstBytesMax`: up to which size a distrusted environment is looked at before it is opened. */
export function makeLmdbDriver(walkFirstBytesMax: number): EngineDriver {
  return {
    async open(directory, options) {
      if (options.readOnly !== true) {
        // Short calls that need no disk are made at once: each promise of a file costs more, and waits its turn among others.
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        await reserveLockFile(directory);
        if (bytesOf(directory) < NEW_BYTES) requireRoomIn(directory, NEW_BYTES);
        if (bytesOf(directory) === 0) await makeFile(directory);
        // Its last writer may have died between a commit and its sync.
        else if (options.durable && options.closedCleanly !== true) await syncFile(join(directory, DATA_FILE));
      }
      await this.check(directory);
      const path = join(directory, DATA_FILE);
      const open = (): LmdbEngine => namingDamage(directory, () => new LmdbEngine(directory, options));
      if (options.distrusted !== true || bytesOf(directory) === 0) return open();
      if (bytesOf(directory) > walkFirstBytesMax) return CheckedEngine.open(path, open);
      await walkPages(path, new Pace(), (what) => {
        throw damaged(path, what);
      });
      return open();
    },
    async check(directory) {
      if (checkLmdbFile(join(directory, DATA_FILE)) === "short") await probeEnvironment(directory);
    },
    async probe(directory) {
      if (!(await this.exists(directory))) return "whole";
      await reserveLockFile(directory);
      return probeEnvironment(directory);
    },
    async destroy(directory) {
      if (!existsSync(directory)) return;
      await rm(directory, { recursive: true, force: true });
    },
    async exists(directory) {
      return bytesOf(directory) > 0;
    },
    async move(from, to) {
      await rename(from, to);
      await syncDirectory(dirname(to));
    },
  };
}

type Operation = readonly [table: LmdbTable, key: Uint8Array, value: Uint8Array | undefined];

function openRoot(
  directory: string,
  { durable, readOnly = false }: EngineOptions,
): RootDatabase<Uint8Array, Uint8Array> {
  return open({
    path: directory,
    encoding: "binary",
    keyEncoding: "binary",
    pageSize: PAGE_BYTES,
    maxDbs: TABLES_MAX,
    overlappingSync: false,
    // With it a commit that fails rejects promises that nobody is given, and that ends the process.
    eventTurnBatching: false,
    noSync: !durable,
    readOnly,
    compression: false,
  } as Parameters<typeof open<Uint8Array, Uint8Array>>[0]);
}

type Held = ReturnType<RootDatabase["useReadTransaction"]>;

class LmdbEngine implements HoldingEngine {
  #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #tables = new Map<string, LmdbTable>();
  readonly #directory: string;
  readonly #options: EngineOptions;
  /** The last write, ended or under way: one begins when the one before it has ended. */
  #turn: Promise<unknown> = Promise.resolve();
  #state: "open" | "reopening" | "only read" | "lost" = "open";
  #closed = false;
  /** Whether there is anything that is not on disk. */
  #isSynced: boolean;
  /** Whether what has to come before the first write has come. */
  #mayWrite = false;
  readonly #held = new Set<Held>();

  constructor(directory: string, options: EngineOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#isSynced = options.durable || (options.closedCleanly === true && bytesOf(directory) > 0);
    this.#root = openRoot(directory, options);
  }

  table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      // Whoever only reads gets nothing, whatever the types say, for a table that is not there.
      const store = this.#openTable(name);
      if (store === undefined) return EMPTY_TABLE;
      table = new LmdbTable(store, this.#directory, () => this.#requireOpen());
      this.#tables.set(name, table);
    }
    return table;
  }

  async write(fill: (batch: WriteBatch) => void): Promise<void> {
    this.#requireNotClosed();
    // Collected first: what lmdb was told before `fill` threw it would store all the same.
    const operations: Operation[] = [];
    fill({
      put: (table, key, value) => operations.push([table as LmdbTable, key, value]),
      remove: (table, key) => operations.push([table as LmdbTable, key, undefined]),
    });
    const written = this.#turn.then(() => this.#commit(operations));
    this.#turn = written.catch(() => undefined);
    return written;
  }

  async #commit(operations: readonly Operation[]): Promise<void> {
    if (!this.#mayWrite) await this.#options.beforeWrites?.();
    this.#mayWrite = true;
    if (this.#state !== "open") await this.#reopen();
    if (this.#state !== "open") throw new StoreError("write_failed", "the environment takes no writes");
    requireRoomIn(this.#directory, this.#growthMax(operations));
    this.#isSynced = this.#options.durable;
    try {
      // The promises of put and remove inside a batch are constants: only the batch's own promise can reject.
      await this.#root.batch(() => {
        for (const [{ store }, key, value] of operations)
          void (value === undefined ? store.remove(key) : store.put(key, value));
      });
    } catch (error) {
      // lmdb rejects a second promise with the cause; left alone it would end the process as an unhandled rejection.
      const cause = (error as { commitError?: Promise<unknown> }).commitError;
      cause?.catch(() => undefined);
      await this.#reopen();
      throw error;
    }
  }

  /**
   * After a failed write LMDB may take no more of them, ever: it then answers neither yes nor no. Where the environment can
   * only be read, the next write tries again.
   */
  async #reopen(): Promise<void> {
    this.#state = "reopening";
    await this.#closeRoot();
    try {
      this.#use(openRoot(this.#directory, this.#options));
      this.#state = "open";
    } catch {
      try {
        this.#use(openRoot(this.#directory, { ...this.#options, readOnly: true }));
        this.#state = "only read";
      } catch {
        this.#state = "lost";
      }
    }
  }

  async #findAgain(): Promise<void> {
    if (this.#state === "lost") await this.#reopen();
  }

  #use(root: RootDatabase<Uint8Array, Uint8Array>): void {
    this.#root = root;
    for (const [name, table] of this.#tables) table.store = this.#openTable(name) as Store;
  }

  #openTable(name: string): Store | undefined {
    const options = { name, ...ROW_CODEC } as unknown as DatabaseOptions & { name: string };
    return namingDamage(this.#directory, () => this.#root.openDB(options)) as unknown as Store | undefined;
  }

  #growthMax(operations: readonly Operation[]): number {
    let rowBytes = 0;
    for (const [, key, value] of operations) rowBytes += key.length + (value?.length ?? 0);
    const fileBytes = bytesOf(this.#directory);
    return growthMax({ rows: operations.length, rowBytes, fileBytes, pageBytes: PAGE_BYTES });
  }

  /** Reads everything. Throws `damaged` when a table has other rows than it counts. */
  walk(): void {
    for (const key of namingDamage(this.#directory, () => [...this.#root.getKeys()])) {
      const name = utf8ToString(key);
      const table = this.table(name) as LmdbTable;
      let rows = 0;
      for (const _row of table.range({})) rows++;
      const { entryCount } = table.store.getStats() as { entryCount: number };
      if (rows === entryCount) continue;
      throw damaged(join(this.#directory, DATA_FILE), `table ${name} counts ${entryCount} rows and has ${rows}`);
    }
  }

  async sync(): Promise<void> {
    this.#requireNotClosed();
    await this.#turn;
    if (!this.#isSynced) await syncFile(join(this.#directory, DATA_FILE));
  }

  copy(target: string): Promise<void> {
    this.#requireOpen();
    return copyTo(target, this.#directory, () => this.#root.backup(target, true));
  }

  /** As it is, page by page: what cannot be reached is copied too. */
  copyAll(target: string): Promise<void> {
    return copyTo(target, this.#directory, () => this.#root.backup(target, false));
  }

  refresh(): void {
    this.#root.resetReadTxn();
  }

  hold(): () => void {
    const held = this.#root.useReadTransaction();
    this.#held.add(held);
    // Reads take another one.
    this.#root.resetReadTxn();
    return () => {
      if (this.#held.delete(held)) held.done();
    };
  }

  sizeBytes(): number {
    return bytesOf(this.#directory);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn;
    await this.#closeRoot();
    if (!this.#isSynced && this.#options.readOnly !== true) await syncFile(join(this.#directory, DATA_FILE));
  }

  async #closeRoot(): Promise<void> {
    for (const held of this.#held) held.done();
    this.#held.clear();
    await this.#root.close();
  }

  #requireNotClosed(): void {
    if (this.#closed) throw new StoreError("closed", "the environment is closed");
  }

  #requireOpen(): void {
    this.#requireNotClosed();
    // Who comes later may find it open.
    if (this.#state === "lost") this.#turn = this.#turn.then(() => this.#findAgain());
    if (this.#state === "reopening" || this.#state === "lost") throw new StoreError("closed", REOPENING);
  }
}

const EMPTY_TABLE: Table = { get: () => undefined, peek: () => undefined, range: () => [] };

class LmdbTable implements Table {
  /** Another one after the environment was opened again. */
  store: Store;
  readonly #directory: string;
  readonly #requireOpen: () => void;

  constructor(store: Store, directory: string, requireOpen: () => void) {
    this.store = store;
    this.#directory = directory;
    this.#requireOpen = requireOpen;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#requireOpen();
    if (key.length > BEYOND_KEY_BYTES) return undefined;
    try {
      return this.store.get(key);
    } catch (error) {
      throw namedDamage(this.#directory, error);
    }
  }

  peek(key: Uint8Array): PeekedValue | undefined {
    this.#requireOpen();
    if (key.length > BEYOND_KEY_BYTES) return undefined;
    try {
      const found = this.store.getBinaryFast(key);
      return found === undefined ? undefined : peekedAt(found);
    } catch (error) {
      throw namedDamage(this.#directory, error);
    }
  }

  range(options: RangeOptions): Iterable<Row> {
    return { [Symbol.iterator]: () => this.#rows(options) };
  }

  /** By hand, since a generator costs as much as reading a row does. Nothing is open before the first row is asked for. */
  #rows(options: RangeOptions): Iterator<Row> {
    let rows: Iterator<Row> | undefined;
    return {
      next: () => {
        try {
          rows ??= this.#open(options);
          return rows.next();
        } catch (error) {
          throw namedDamage(this.#directory, error);
        }
      },
      return: () => {
        rows?.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  #open({ from = FIRST_KEY, to, reverse, limit }: RangeOptions): Iterator<Row> {
    this.#requireOpen();
    // A bound that is there and undefined would be taken for a key.
    const [start, end] = [boundAt(from), to && boundAt(to)];
    const upper = end === undefined ? {} : reverse ? { start: end, exclusiveStart: true } : { end };
    const lower = reverse ? { end: start, inclusiveEnd: true, reverse } : { start };
    const options: LmdbRangeOptions = { ...lower, ...upper, limit: limit ?? Number.POSITIVE_INFINITY };
    return this.store.getRange(options)[Symbol.iterator]() as Iterator<Row>;
  }
}

/**
 * Reads every row of every table of an environment; damage may end the process. Throws `damaged` for what LMDB notices, and
 * for a table that has other rows than it counts: a damaged page can end an iteration early.
 */
export async function walkEnvironment(directory: string): Promise<void> {
  const engine = new LmdbEngine(directory, { durable: false, readOnly: true });
  engine.walk();
  await engine.close();
}

/** Copies an environment as one transaction sees it into a new directory, synced. It may be open in another process. */
export async function copyEnvironment(directory: string, target: string): Promise<void> {
  if (bytesOf(directory) === 0) throw damaged(join(directory, DATA_FILE), "it is gone");
  const engine = new LmdbEngine(directory, { durable: false, readOnly: true });
  try {
    await engine.copyAll(target);
  } finally {
    await engine.close();
  }
}

async function copyTo(target: string, directory: string, copy: () => Promise<void>): Promise<void> {
  await mkdir(target, { mode: 0o700 });
  requireRoomIn(target, bytesOf(directory));
  await copy();
  await syncFile(join(target, DATA_FILE));
  await syncDirectory(target);
}
