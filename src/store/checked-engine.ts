// An environment that may end this process: somewhere in its file there may be a page that LMDB must not read. It is served at
// once all the same, by going round LMDB until every page was looked at:
//
//   opened ── walkEdges: what opening and adding rows at the end of a table lead to ──▶ checked ── walk of all pages ──▶ sound
//                                                                                         └─ damaged: whoever uses it closes it
//   in `checked`
//     read            by our own code, page by page (checked-reader.ts)
//     row put behind the last one that a table had, or into a table of one page: by LMDB, which meets only pages that were
//                     looked at and pages that it wrote since
//     other writes    wait for `sound`
//   in `sound`        LMDB does everything
//
// The walk reads the state of the moment of opening. A read transaction keeps the pages of that state from being used again
// for the few seconds that it takes; the file may grow by what is rewritten meanwhile.

import { compareBytes } from "../base/bytes.ts";
import { CheckedReader } from "./checked-reader.ts";
import {
  type Engine,
  type PeekedValue,
  peekedCopy,
  type RangeOptions,
  type Row,
  type Table,
  type WriteBatch,
} from "./engine.ts";
import { StoreError } from "./errors.ts";
import { damaged } from "./lmdb-check.ts";
import { walkInThread } from "./page-walk.ts";
import { Pace } from "./verify-pace.ts";
import { type Edges, walkEdges } from "./verify-pages.ts";

/** An engine whose present state can be held, so that its pages stay as they are. */
export interface HoldingEngine extends Engine {
  /** Holds the state that was committed last. Returns what ends that. */
  hold(): () => void;
}

interface Operation {
  readonly table: CheckedTable;
  readonly key: Uint8Array;
  /** undefined: the row is removed. */
  readonly value: Uint8Array | undefined;
}

export class CheckedEngine implements Engine {
  readonly sound: Promise<void>;
  readonly #path: string;
  readonly #engine: HoldingEngine;
  readonly #reader: CheckedReader;
  readonly #tables = new Map<string, CheckedTable>();
  readonly #settled = Promise.withResolvers<void>();
  #isSound = false;
  /** Writes that were asked for and have not ended. */
  #writing = 0;
  /** What the walk under way goes by. */
  #edges: Edges;
  #walk: { readonly stop: AbortController; readonly release: () => void } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, engine: HoldingEngine, edges: Edges) {
    this.#path = path;
    this.#engine = engine;
    this.#edges = edges;
    this.#reader = new CheckedReader(path);
    this.sound = this.#settled.promise;
    // Nobody has to wait for it.
    this.sound.catch(() => undefined);
    this.#startWalk();
  }

  /** Throws `damaged` when it cannot even be opened. `open`: opens what is in `path`, which nobody else writes to. */
  static async open(path: string, open: () => HoldingEngine): Promise<CheckedEngine> {
    const edges = await edgesOf(path);
    return new CheckedEngine(path, open(), edges);
  }

  table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      const reader = (): CheckedReader | undefined => (this.#isSound ? undefined : this.#reader);
      table = new CheckedTable(name, this.#engine.table(name), reader);
      this.#tables.set(name, table);
    }
    return table;
  }

  async write(fill: (batch: WriteBatch) => void): Promise<void> {
    // Not before one that waited.
    if (this.#isSound && this.#writing === 0) return this.#engine.write(passing(fill));
    const operations: Operation[] = [];
    fill({
      put: (table, key, value) => operations.push({ table: table as CheckedTable, key, value }),
      remove: (table, key) => operations.push({ table: table as CheckedTable, key, value: undefined }),
    });
    this.#writing++;
    const written = this.#turn.then(() => this.#write(operations)).finally(() => this.#writing--);
    this.#turn = written.catch(() => undefined);
    return written;
  }

  refresh(): void {
    this.#engine.refresh();
  }

  async sync(): Promise<void> {
    await this.#turn;
    await this.#engine.sync();
  }

  async copy(directory: string): Promise<void> {
    await this.sound;
    await this.#engine.copy(directory);
  }

  sizeBytes(): number {
    return this.#engine.sizeBytes();
  }

  async close(): Promise<void> {
    this.#endWalk();
    this.#settled.reject(new StoreError("closed", "the environment was closed before all its pages were looked at"));
    await this.#turn;
    await this.#engine.close();
    if (!this.#isSound) this.#reader.close();
    this.#isSound = true;
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    if (!operations.every((operation) => this.#isHarmless(operation))) await this.sound;
    try {
      await this.#engine.write((batch) => {
        for (const { table, key, value } of operations)
          if (value === undefined) batch.remove(table.behind, key);
          else batch.put(table.behind, key, value);
      });
    } catch (error) {
      // It was opened again, and holds nothing any more.
      if (!this.#isSound) await this.#lookAgain();
      throw error;
    }
  }

  /** Whether LMDB meets only pages that were looked at, and its own. */
  #isHarmless({ table, key, value }: Operation): boolean {
    if (this.#isSound) return true;
    const edge = this.#edges.tables.get(table.name);
    if (edge === undefined || edge.tree.depth <= 1) return true;
    return value !== undefined && edge.lastKey !== undefined && compareBytes(key, edge.lastKey) > 0;
  }

  async #lookAgain(): Promise<void> {
    this.#endWalk();
    try {
      this.#edges = await edgesOf(this.#path);
      this.#startWalk();
    } catch (error) {
      this.#settled.reject(error);
    }
  }

  #startWalk(): void {
    const walk = { stop: new AbortController(), release: this.#engine.hold() };
    this.#walk = walk;
    walkInThread({ path: this.#path, meta: this.#edges.meta }, walk.stop.signal).then(
      (end) => {
        if (end === "stopped" || this.#walk !== walk) return;
        this.#endWalk();
        this.#isSound = true;
        this.#reader.close();
        this.#settled.resolve();
      },
      (error) => {
        if (this.#walk === walk) this.#settled.reject(error);
      },
    );
  }

  #endWalk(): void {
    this.#walk?.stop.abort();
    this.#walk?.release();
    this.#walk = undefined;
  }
}

class CheckedTable implements Table {
  readonly name: string;
  readonly behind: Table;
  readonly #reader: () => CheckedReader | undefined;

  constructor(name: string, behind: Table, reader: () => CheckedReader | undefined) {
    this.name = name;
    this.behind = behind;
    this.#reader = reader;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const reader = this.#reader();
    return reader === undefined ? this.behind.get(key) : reader.get(this.name, key);
  }

  peek(key: Uint8Array): PeekedValue | undefined {
    const reader = this.#reader();
    return reader === undefined ? this.behind.peek(key) : peekedCopy(reader.get(this.name, key));
  }

  range(options: RangeOptions): Iterable<Row> {
    const reader = this.#reader();
    return reader === undefined ? this.behind.range(options) : reader.range(this.name, options);
  }
}

function passing(fill: (batch: WriteBatch) => void): (batch: WriteBatch) => void {
  return (batch) =>
    fill({
      put: (table, key, value) => batch.put((table as CheckedTable).behind, key, value),
      remove: (table, key) => batch.remove((table as CheckedTable).behind, key),
    });
}

function edgesOf(path: string): Promise<Edges> {
  return walkEdges(path, new Pace(), (what) => {
    throw damaged(path, what);
  });
}
