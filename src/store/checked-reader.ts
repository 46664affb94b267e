// Reads the rows of an LMDB file with plain file reads, and looks at each page before it believes it: a page that is not what
// LMDB wrote is an error here and ends nothing. Many times slower than LMDB, and meant for the seconds until all pages were
// looked at (checked-engine.ts).
//
//   meta page ──▶ list of tables ──▶ branch … branch ──▶ leaf ──▶ long value
//
// Each call reads the state that was committed last. LMDB's writer may be at work beside it, in the same process: the pages of
// that state are written over at the earliest by the second write that follows, and no write begins while JavaScript reads.

import { closeSync, openSync, readSync } from "node:fs";
import { compareBytes, equalBytes } from "../base/bytes.ts";
import type { RangeOptions, Row } from "./engine.ts";
import { damaged } from "./lmdb-check.ts";
import {
  BRANCH,
  LEAF,
  longValuePages,
  type Meta,
  NODE_LONG,
  NODE_TREE,
  type Node,
  OVERFLOW,
  PAGE_HEADER_BYTES,
  readLongPointer,
  readNodes,
  readPageHeader,
  readTree,
  TREE_BYTES,
  type Tree,
} from "./lmdb-pages.ts";
import { type Bounds, boundsBelow, inOrder, latestMeta, tableName } from "./verify-pages.ts";

/** A page on the way down a tree. */
interface Place {
  readonly number: number;
  /** 1 for a leaf. */
  readonly level: number;
  /** Of the page above: this one is no younger. */
  readonly txn: bigint;
  readonly bounds: Bounds;
}

const NO_BOUNDS: Bounds = { from: undefined, to: undefined };

export class CheckedReader {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "r");
  }

  /** A value; undefined when there is no such row. Throws `damaged`. */
  get(table: string, key: Uint8Array): Uint8Array | undefined {
    for (const row of this.range(table, { from: key, limit: 1 })) if (equalBytes(row.key, key)) return row.value;
    return undefined;
  }

  /** Rows in key order, or from the end. The iteration must end in the same turn of the event loop. Throws `damaged`. */
  *range(table: string, options: RangeOptions): Iterable<Row> {
    const meta = this.#meta();
    const tree = this.#table(meta, table);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const node of this.#nodesOf(meta, tree, options)) {
      if (left-- <= 0) return;
      yield { key: node.key.slice(), value: this.#valueOf(meta, node) };
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** A meta page that is being written may show half of each state: what is read the same twice is neither. */
  #meta(): Meta {
    const read = (): Meta => latestMeta(this.#file, (what) => this.#fail(what));
    try {
      for (let before = read(); ; ) {
        const after = read();
        if (before.txn === after.txn && before.main.root === after.main.root && before.lastPage === after.lastPage)
          return after;
        before = after;
      }
    } catch (error) {
      if (error instanceof RangeError) this.#fail(error.message);
      throw error;
    }
  }

  #table(meta: Meta, name: string): Tree | undefined {
    for (const node of this.#nodesOf(meta, meta.main, {})) {
      if (tableName(node.key) !== name) continue;
      if (node.flags !== NODE_TREE || node.value.length !== TREE_BYTES) this.#fail(`table ${name} is none`);
      return readTree(node.value, 0, name);
    }
    return undefined;
  }

  /** The nodes of the leaves of a tree with keys in a range. */
  #nodesOf(meta: Meta, tree: Tree | undefined, range: RangeOptions): Iterable<Node> {
    if (tree?.root === undefined) return [];
    return this.#below(meta, range, { number: tree.root, level: tree.depth, txn: meta.txn, bounds: NO_BOUNDS });
  }

  *#below(meta: Meta, range: RangeOptions, place: Place): Iterable<Node> {
    const { txn, nodes } = this.#nodes(meta, place);
    const { from, to, reverse = false } = range;
    const isLeaf = place.level === 1;
    for (let n = 0; n < nodes.length; n++) {
      const i = reverse ? nodes.length - 1 - n : n;
      const node = nodes[i] as Node;
      // A leaf's node is one key; a branch's is all keys that can be below it.
      const bounds = isLeaf ? { from: node.key, to: undefined } : boundsBelow(nodes, i, place.bounds);
      const isAfter = isAtLeast(bounds.from, to);
      const isBefore = isLeaf ? from !== undefined && !isAtLeast(node.key, from) : isAtLeast(from, bounds.to);
      if (reverse ? isBefore : isAfter) return;
      if (isBefore || isAfter) continue;
      if (isLeaf) yield node;
      else yield* this.#below(meta, range, { number: node.number, level: place.level - 1, txn, bounds });
    }
  }

  #nodes(meta: Meta, place: Place): { readonly txn: bigint; readonly nodes: readonly Node[] } {
    const page = this.#page(meta, place.number, 1);
    const { number, txn, kind } = readPageHeader(page);
    const isExpected = number === place.number && txn <= place.txn && kind === (place.level > 1 ? BRANCH : LEAF);
    const nodes = isExpected ? readNodes(page) : undefined;
    if (nodes === undefined || !inOrder(nodes, kind, place.bounds, compareBytes))
      this.#fail(`page ${place.number} is not what was written there`);
    return { txn, nodes };
  }

  #valueOf(meta: Meta, node: Node): Uint8Array {
    if (node.flags === 0) return node.value.slice();
    if (node.flags !== NODE_LONG) this.#fail("a row is of an unknown kind");
    const { first, txn, pages } = readLongPointer(node.value);
    if (pages !== longValuePages(node.number, meta.pageBytes))
      this.#fail(`page ${first} is not the start of its value`);
    const bytes = this.#page(meta, first, pages);
    const header = readPageHeader(bytes);
    if (header.number !== first || header.kind !== OVERFLOW || header.txn !== txn || header.pages !== pages)
      this.#fail(`page ${first} is not the start of a long value`);
    return bytes.slice(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + node.number);
  }

  #page({ pageBytes, lastPage }: Meta, number: number, count: number): Uint8Array {
    if (number < 2 || number + count - 1 > lastPage) this.#fail(`there is no page ${number}`);
    const page = new Uint8Array(count * pageBytes);
    if (readSync(this.#file, page, 0, page.length, number * pageBytes) < page.length)
      this.#fail(`the file ends within page ${number}`);
    return page;
  }

  #fail(what: string): never {
    throw damaged(this.#path, what);
  }
}

/** Whether a key is at or behind another one; without one of them it is not. */
function isAtLeast(key: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return key !== undefined && other !== undefined && compareBytes(key, other) >= 0;
}
