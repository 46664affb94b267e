// Rows of a table one after another, without holding a snapshot for long: a pinned snapshot keeps a writer from reusing pages.
// pause() lets go of it; the next row is then read from the newest one. For tables whose passed rows do not change.

import { concat } from "../base/bytes.ts";
import type { Engine, Row, Table } from "./engine.ts";

const AFTER: Uint8Array = new Uint8Array(1);

export class RowStream {
  readonly #engine: Engine;
  readonly #table: Table;
  #from: Uint8Array | undefined;
  #rows: Iterator<Row> | undefined;
  #ahead: Row | undefined;

  /** `from`: inclusive lower bound; absent: from the first key. */
  constructor(engine: Engine, table: Table, from?: Uint8Array) {
    this.#engine = engine;
    this.#table = table;
    this.#from = from;
  }

  /** The row that next() will give; undefined at the end. */
  peek(): Row | undefined {
    this.#ahead ??= this.#read();
    return this.#ahead;
  }

  /** Moves on by one row. */
  next(): Row | undefined {
    const row = this.peek();
    this.#ahead = undefined;
    return row;
  }

  /** Lets go of the snapshot. */
  pause(): void {
    this.#rows?.return?.();
    this.#rows = undefined;
  }

  #read(): Row | undefined {
    if (this.#rows === undefined) {
      this.#engine.refresh();
      this.#rows = this.#table.range({ from: this.#from })[Symbol.iterator]();
    }
    const { done, value } = this.#rows.next();
    if (done === true) return undefined;
    this.#from = concat(value.key, AFTER);
    return value;
  }
}
