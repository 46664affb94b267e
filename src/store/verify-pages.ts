// Walks an LMDB file page by page, with plain file reads: LMDB itself trusts its pages, and a damaged one ends the process or
// hides rows without a word. What is looked at here is the structure (lmdb-pages.ts); what the rows say is checked elsewhere.
//
// Sound means: every page that is reached from the roots is where it says it is, is of the kind its place wants, no younger
// than its parent, tiled by its nodes without gap or overlap, its keys ascending within the bounds of its parent; it is
// reached once, and is not free; the counts of each tree are those of its record. Bytes of free pages mean nothing.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { compareBytes } from "../base/bytes.ts";
import {
  BRANCH,
  LEAF,
  longValuePages,
  META_BYTES,
  type Meta,
  NODE_LONG,
  NODE_TREE,
  type Node,
  OVERFLOW,
  PAGE_HEADER_BYTES,
  type Run,
  readFreeRuns,
  readLongPointer,
  readMeta,
  readNodes,
  readPageHeader,
  readTree,
  TREE_BYTES,
  type Tree,
} from "./lmdb-pages.ts";
import type { Pace } from "./verify-pace.ts";

/** Told of each thing found wrong. */
export type Complain = (what: string) => void;

export interface PageWalk {
  /** Pages in use that were read. */
  readonly pages: number;
  /** false: the engine must not be asked to open this file. */
  readonly openable: boolean;
}

/**
 * Walks the file of an environment that nobody writes to; or all that `meta` leads to, while a reader of that state keeps its
 * pages from being used again.
 */
export async function walkPages(path: string, pace: Pace, complain: Complain, meta?: Meta): Promise<PageWalk> {
  const file = openSync(path, "r");
  try {
    const walker = new PageWalker(file, meta ?? latestMeta(file, complain), pace, complain);
    await walker.run();
    return { pages: walker.pages, openable: true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    complain(error.message);
    return { pages: 0, openable: false };
  } finally {
    closeSync(file);
  }
}

/** What an environment had at one time, and the end of each table then. */
export interface Edges {
  readonly meta: Meta;
  /** By name. */
  readonly tables: ReadonlyMap<string, TableEdge>;
}

export interface TableEdge {
  readonly tree: Tree;
  /** undefined: the table is empty. */
  readonly lastKey: Uint8Array | undefined;
}

/**
 * Walks what opening an environment and adding rows behind the last one of a table lead to: the lists of free pages and of
 * tables, and the right edge of each table. Nobody may write meanwhile.
 */
export async function walkEdges(path: string, pace: Pace, complain: Complain): Promise<Edges> {
  const file = openSync(path, "r");
  try {
    const meta = latestMeta(file, complain);
    const walker = new PageWalker(file, meta, pace, complain);
    return { meta, tables: await walker.runEdges() };
  } finally {
    closeSync(file);
  }
}

/**
 * Of the two meta pages the one of the later transaction counts, of equals the first: LMDB leaves such a pair when writing
 * the second one failed. Both must be meta pages.
 */
export function latestMeta(file: number, complain: Complain): Meta {
  const read = (number: number, at: number): Meta => {
    const page = new Uint8Array(META_BYTES);
    const meta = readMeta(page.subarray(0, readSync(file, page, 0, page.length, at)), number);
    if (!meta.isMarked) complain(`meta page ${number} carries the number or the kind of another page`);
    return meta;
  };
  const first = read(0, 0);
  const second = read(1, first.pageBytes);
  if (first.pageBytes !== second.pageBytes) throw new RangeError("the meta pages disagree about the size of a page");
  return first.txn >= second.txn ? first : second;
}

/** What the keys of a page must lie in: `from` inclusive, `to` exclusive. */
export interface Bounds {
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
}

type OnValue = (value: Uint8Array) => void;

/** A tree on the way through it. */
interface Walked {
  readonly tree: Tree;
  readonly onValue: OnValue | undefined;
  readonly counted: { branches: number; leaves: number; overflows: number; entries: number };
  /** Only the last page of each level. */
  readonly edgeOnly: boolean;
  lastKey: Uint8Array | undefined;
}

const UNSEEN = 0;
const USED = 1;
const FREE = 2;

class PageWalker {
  pages = 0;
  readonly #file: number;
  readonly #meta: Meta;
  readonly #pace: Pace;
  readonly #complain: Complain;
  /** By page. */
  readonly #state: Uint8Array;
  /** By name. */
  readonly #tables = new Map<string, Tree>();
  #complaints = 0;

  constructor(file: number, meta: Meta, pace: Pace, complain: Complain) {
    this.#file = file;
    this.#meta = meta;
    this.#pace = pace;
    this.#complain = (what) => {
      this.#complaints++;
      complain(what);
    };
    const inFile = Math.ceil(fstatSync(file).size / meta.pageBytes);
    this.#state = new Uint8Array(Math.min(meta.lastPage + 1, inFile));
  }

  async run(): Promise<void> {
    await this.#tree(this.#meta.main);
    for (const table of this.#tables.values()) await this.#tree(table);
    await this.#freePages();
  }

  async runEdges(): Promise<Map<string, TableEdge>> {
    await this.#tree(this.#meta.main);
    const edges = new Map<string, TableEdge>();
    for (const [name, tree] of this.#tables) {
      const { lastKey } = await this.#tree(tree, { edgeOnly: true });
      edges.set(name, { tree, lastKey });
    }
    await this.#freePages();
    return edges;
  }

  async #freePages(): Promise<void> {
    const freed: Run[] = [];
    await this.#tree(this.#meta.free, { onValue: (value) => freed.push(...readFreeRuns(value)) });
    for (const run of freed) this.#checkFree(run);
  }

  async #tree(tree: Tree, how: { readonly onValue?: OnValue; readonly edgeOnly?: boolean } = {}): Promise<Walked> {
    const { onValue, edgeOnly = false } = how;
    const counted = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
    const walked: Walked = { tree, onValue, counted, edgeOnly, lastKey: undefined };
    const before = this.#complaints;
    if (tree.root !== undefined)
      await this.#page(walked, tree.root, tree.depth, this.#meta.txn, { from: undefined, to: undefined });
    // Of a tree that is not walked whole, the counts say nothing.
    if (!edgeOnly && this.#complaints === before) this.#compareCounts(walked);
    return walked;
  }

  #compareCounts({ tree, counted }: Walked): void {
    for (const what of ["branches", "leaves", "overflows", "entries"] as const) {
      if (counted[what] !== tree[what])
        this.#complain(`${tree.name} has ${counted[what]} ${what} and its record says ${tree[what]}`);
    }
  }

  /** One page and all below it. `level`: 1 for a leaf. */
  async #page(walked: Walked, number: number, level: number, parentTxn: bigint, bounds: Bounds): Promise<void> {
    const { tree, counted } = walked;
    const page = this.#read(number, tree.name);
    if (page === undefined) return;
    if (this.#pace.due) await this.#pace.rest("pages", this.pages, this.#state.length);
    const { txn, kind } = readPageHeader(page);
    if (txn > parentTxn) this.#wrong(number, "is younger than the page that leads to it");
    if (kind !== (level > 1 ? BRANCH : LEAF)) {
      this.#wrong(number, `is not the ${level > 1 ? "branch" : "leaf"} that ${tree.name} has there`);
      return;
    }
    counted[kind === BRANCH ? "branches" : "leaves"]++;
    const nodes = readNodes(page);
    if (nodes === undefined) {
      this.#wrong(number, "does not hold together: its header or the places of its nodes");
      return;
    }
    const compare = tree === this.#meta.free ? compareNumbers : compareBytes;
    if (!inOrder(nodes, kind, bounds, compare)) this.#wrong(number, "has keys out of order");
    if (kind === LEAF) this.#entries(walked, number, nodes);
    else await this.#children(walked, nodes, level - 1, txn, bounds);
  }

  async #children(walked: Walked, nodes: readonly Node[], level: number, txn: bigint, bounds: Bounds): Promise<void> {
    for (let i = walked.edgeOnly ? nodes.length - 1 : 0; i < nodes.length; i++)
      await this.#page(walked, (nodes[i] as Node).number, level, txn, boundsBelow(nodes, i, bounds));
  }

  #entries(walked: Walked, number: number, nodes: readonly Node[]): void {
    walked.counted.entries += nodes.length;
    walked.lastKey = nodes.at(-1)?.key;
    for (const node of nodes) this.#entry(walked, number, node);
  }

  /** A page that is reached for the first time and is where it says it is. */
  #read(number: number, by: string): Uint8Array | undefined {
    if (!this.#use(number, by)) return undefined;
    const { pageBytes } = this.#meta;
    const page = new Uint8Array(pageBytes);
    if (readSync(this.#file, page, 0, pageBytes, number * pageBytes) < pageBytes) {
      this.#complain(`the file ends within page ${number}`);
      return undefined;
    }
    if (readPageHeader(page).number !== number) this.#wrong(number, "carries the number of another page");
    return page;
  }

  /** Notes that a page is in use. */
  #use(number: number, by: string): boolean {
    if (number < 2 || number > this.#meta.lastPage) {
      this.#complain(`${by} leads to page ${number}, which the environment does not have`);
    } else if (number >= this.#state.length) {
      this.#complain(`the file ends before page ${number}`);
    } else if (this.#state[number] === USED) {
      this.#wrong(number, "is reached twice");
    } else {
      this.#state[number] = USED;
      this.pages++;
      return true;
    }
    return false;
  }

  #entry({ tree, counted, onValue }: Walked, number: number, node: Node): void {
    if (node.flags === 0) {
      onValue?.(node.value);
    } else if (node.flags === NODE_LONG) {
      counted.overflows += this.#longValue(number, node, onValue);
    } else if (node.flags === NODE_TREE && tree === this.#meta.main && node.value.length === TREE_BYTES) {
      const name = tableName(node.key);
      this.#tables.set(name, readTree(node.value, 0, `the table '${name}'`));
    } else {
      this.#wrong(number, "has a node of an unknown kind");
    }
  }

  /** Returns how many pages a long value takes. */
  #longValue(number: number, node: Node, onValue: OnValue | undefined): number {
    const { first, txn, pages } = readLongPointer(node.value);
    const page = this.#read(first, `page ${number}`);
    if (page === undefined) return 0;
    const header = readPageHeader(page);
    const { pageBytes } = this.#meta;
    const fits =
      header.kind === OVERFLOW &&
      header.txn === txn &&
      header.pages === pages &&
      pages === longValuePages(node.number, pageBytes);
    if (!fits) {
      this.#wrong(first, `is not the long value that page ${number} has there`);
      return 0;
    }
    for (let next = first + 1; next < first + pages; next++) if (!this.#use(next, `page ${number}`)) return 0;
    if (onValue !== undefined) {
      const value = new Uint8Array(node.number);
      readSync(this.#file, value, 0, value.length, first * pageBytes + PAGE_HEADER_BYTES);
      onValue(value);
    }
    return pages;
  }

  /** A free page that is in use would be overwritten one day, and one that is free twice be used twice. */
  #checkFree({ first, pages }: Run): void {
    if (first < 2 || first + pages - 1 > this.#meta.lastPage) {
      this.#complain(`the list of free pages names page ${first}, which the environment does not have`);
      return;
    }
    for (let number = first; number < first + pages; number++) {
      const state = this.#state[number];
      if (state === USED) this.#wrong(number, "is in use and among the free pages");
      if (state === FREE) this.#wrong(number, "is among the free pages twice");
      if (state === UNSEEN) this.#state[number] = FREE;
    }
  }

  #wrong(number: number, what: string): void {
    this.#complain(`page ${number} ${what}`);
  }
}

/** Names end with a zero byte. */
export function tableName(key: Uint8Array): string {
  return String.fromCharCode(...key.subarray(0, -1));
}

/** What the keys of the i-th child of a branch must lie in. */
export function boundsBelow(nodes: readonly Node[], i: number, { from, to }: Bounds): Bounds {
  return { from: i === 0 ? from : nodes[i]?.key, to: nodes[i + 1]?.key ?? to };
}

/** Whether keys ascend within the bounds. The first key of a branch is never looked at, and may be anything. */
export function inOrder(
  nodes: readonly Node[],
  kind: number,
  { from, to }: Bounds,
  compare: typeof compareBytes,
): boolean {
  const keys = (kind === BRANCH ? nodes.slice(1) : nodes).map((node) => node.key);
  const [first, last] = [keys[0], keys.at(-1)] as [Uint8Array, Uint8Array];
  if (from !== undefined && compare(first, from) < 0) return false;
  if (to !== undefined && compare(last, to) >= 0) return false;
  return keys.every((key, i) => i === 0 || compare(keys[i - 1] as Uint8Array, key) < 0);
}

/** The free pages are listed by transaction: u64, little-endian. */
function compareNumbers(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a.toReversed(), b.toReversed());
}
