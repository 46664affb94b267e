// The file of an LMDB environment, as bytes: what lmdb 3.5 writes on little-endian machines (its data version 2).
//
//   page 0, 1   meta     header | u32 magic | u32 version | … | the two first trees | u64 last page | u64 transaction | …
//   page        header:  u64 number | u64 transaction | u16 – | u16 kind | then
//     branch    u16 lower | u16 upper | u16 offset of each node … free … nodes: first key and page of each child
//     leaf      the same; nodes: key and value, or a tree (a table), or where a long value is
//     overflow  u32 pages | a long value
//   node        u16 low | u16 high | u16 flags | u16 key bytes | key | value      low, high: length of the value of a leaf;
//                                                                                  low, high, flags: page of a child
//   tree        u32 – | u16 – | u16 depth | u64 branches | u64 leaves | u64 overflow pages | u64 entries | u64 root
//
// Offsets count from the end of the page's header. The nodes of a page fill it from `upper` to its end.

import { viewOf } from "../base/bytes.ts";

export const PAGE_HEADER_BYTES = 24;
export const META_BYTES: number = PAGE_HEADER_BYTES + 144;
export const TREE_BYTES = 48;

/** Kinds of pages. */
export const BRANCH = 1;
export const LEAF = 2;
export const OVERFLOW = 4;
const META = 8;

/** Flags of a leaf's node: its value is on pages of its own; its value is a tree. */
export const NODE_LONG = 1;
export const NODE_TREE = 2;

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const NODE_HEADER_BYTES = 8;
const LONG_POINTER_BYTES = 24;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** A tree as its record describes it. */
export interface Tree {
  readonly name: string;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  /** undefined: the tree is empty. */
  readonly root: number | undefined;
}

export interface Meta {
  /** Whether it carries number and kind of a meta page and nothing else. */
  readonly isMarked: boolean;
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly txn: bigint;
}

/** Throws RangeError with a sentence about what is wrong. `number`: 0 or 1. */
export function readMeta(page: Uint8Array, number: number): Meta {
  const name = `meta page ${number}`;
  if (page.length < META_BYTES) throw new RangeError(`the file ends within ${name}`);
  const view = viewOf(page);
  const at = PAGE_HEADER_BYTES;
  const known =
    (view.getUint16(18, true) & META) !== 0 &&
    view.getUint32(at, true) === MAGIC &&
    (view.getUint32(at + 4, true) & 0xffff) === DATA_VERSION;
  if (!known) throw new RangeError(`${name} is not one that this engine writes`);
  const pageBytes = view.getUint32(at + 24, true);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0)
    throw new RangeError(`${name} tells an impossible size of a page`);
  return {
    // LMDB does not look at the number, nor at other kinds.
    isMarked: view.getBigUint64(0, true) === BigInt(number) && view.getUint16(18, true) === META,
    pageBytes,
    free: readTree(page, at + 24, "the list of free pages"),
    main: readTree(page, at + 24 + TREE_BYTES, "the list of tables"),
    lastPage: Number(view.getBigUint64(at + 24 + 2 * TREE_BYTES, true)),
    txn: view.getBigUint64(at + 24 + 2 * TREE_BYTES + 8, true),
  };
}

export function readTree(bytes: Uint8Array, at: number, name: string): Tree {
  const view = viewOf(bytes);
  const root = view.getBigUint64(at + 40, true);
  return {
    name,
    depth: view.getUint16(at + 6, true),
    branches: Number(view.getBigUint64(at + 8, true)),
    leaves: Number(view.getBigUint64(at + 16, true)),
    overflows: Number(view.getBigUint64(at + 24, true)),
    entries: Number(view.getBigUint64(at + 32, true)),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

export interface PageHeader {
  readonly number: number;
  readonly txn: bigint;
  readonly kind: number;
  readonly lower: number;
  readonly upper: number;
  /** Of an overflow page. */
  readonly pages: number;
}

export function readPageHeader(page: Uint8Array): PageHeader {
  const view = viewOf(page);
  return {
    number: Number(view.getBigUint64(0, true)),
    txn: view.getBigUint64(8, true),
    kind: view.getUint16(18, true),
    lower: view.getUint16(20, true),
    upper: view.getUint16(22, true),
    pages: view.getUint32(20, true),
  };
}

export interface Node {
  readonly at: number;
  readonly end: number;
  readonly flags: number;
  readonly key: Uint8Array;
  /** Child page of a branch, length of the value of a leaf. */
  readonly number: number;
  readonly value: Uint8Array;
}

/** The nodes of a branch or leaf, in order; undefined when they do not tile it. */
export function readNodes(page: Uint8Array): readonly Node[] | undefined {
  const { kind, lower, upper } = readPageHeader(page);
  const body = page.subarray(PAGE_HEADER_BYTES);
  const fewest = kind === BRANCH ? 4 : 2;
  if (lower % 2 !== 0 || lower < fewest || lower > upper || upper > body.length) return undefined;
  const view = viewOf(body);
  const nodes: Node[] = [];
  for (let i = 0; i < lower; i += 2) {
    const node = readNode(body, view.getUint16(i, true), kind);
    if (node === undefined) return undefined;
    nodes.push(node);
  }
  let at = upper;
  for (const node of nodes.toSorted((a, b) => a.at - b.at)) {
    if (node.at !== at) return undefined;
    at = node.end;
  }
  return at === body.length ? nodes : undefined;
}

function readNode(body: Uint8Array, at: number, kind: number): Node | undefined {
  if (at % 2 !== 0 || at + NODE_HEADER_BYTES > body.length) return undefined;
  const view = viewOf(body);
  const flags = view.getUint16(at + 4, true);
  const keyEnd = at + NODE_HEADER_BYTES + view.getUint16(at + 6, true);
  const number = view.getUint32(at, true) + (kind === BRANCH ? flags * 2 ** 32 : 0);
  const valueBytes = kind === BRANCH ? 0 : flags === NODE_LONG ? LONG_POINTER_BYTES : number;
  const end = keyEnd + valueBytes + ((keyEnd + valueBytes) % 2);
  if (end > body.length) return undefined;
  const key = body.subarray(at + NODE_HEADER_BYTES, keyEnd);
  return { at, end, flags, key, number, value: body.subarray(keyEnd, keyEnd + valueBytes) };
}

/** Where a long value is: its first page, the transaction that wrote it, its number of pages. */
export function readLongPointer(value: Uint8Array): { first: number; txn: bigint; pages: number } {
  const view = viewOf(value);
  return {
    first: Number(view.getBigUint64(0, true)),
    txn: view.getBigUint64(8, true),
    pages: Number(view.getBigUint64(16, true)),
  };
}

/** Pages that a long value takes. */
export function longValuePages(bytes: number, pageBytes: number): number {
  return Math.floor((PAGE_HEADER_BYTES - 1 + bytes) / pageBytes) + 1;
}

export interface Run {
  readonly first: number;
  readonly pages: number;
}

/** Pages in one value of the list of free pages: u64 n | n × i64, a negative one being the length of the run that follows. */
export function readFreeRuns(value: Uint8Array): Run[] {
  const view = viewOf(value);
  const length = value.length < 8 ? 0 : Math.min(Number(view.getBigUint64(0, true)), value.length / 8 - 1);
  const runs: Run[] = [];
  for (let i = 1; i <= length; i++) {
    const entry = Number(view.getBigInt64(8 * i, true));
    if (entry > 0) runs.push({ first: entry, pages: 1 });
    else if (entry < 0 && i < length) runs.push({ first: Number(view.getBigInt64(8 * ++i, true)), pages: -entry });
  }
  return runs;
}
