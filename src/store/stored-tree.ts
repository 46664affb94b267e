// The nodes of the history tree as the log keeps them, each in the record of the transaction whose leaf completed it. What proofs
// ask for again and again is remembered: the upper levels, and the right edges of trees (proof/history-tree.ts).

import type { NodeReader } from "../proof/history-tree.ts";
import { RecentValues } from "./recent-values.ts";

/** Nodes kept of each level: all of the upper ones. */
const NODES_OF_LEVEL_MAX = 1024;
const EDGES_MAX = 1024;
/** Edges that end beyond it are not remembered: their keys would not be exact. */
const EDGE_END_MAX = 2 ** 26;

export class StoredTree {
  readonly #readNode: (txId: bigint, level: number) => Uint8Array;
  /** By level, then by index. */
  readonly #nodes: RecentValues<Uint8Array>[] = [];
  /** By start and end. */
  readonly #edges = new RecentValues<Uint8Array>(EDGES_MAX);

  /** `readNode`: the node at a level that a transaction completed. Throws `damaged`. */
  constructor(readNode: (txId: bigint, level: number) => Uint8Array) {
    this.#readNode = readNode;
  }

  readonly node: NodeReader = Object.assign((level: number, index: number) => this.#node(level, index), {
    remember: (start: number, end: number, compute: () => Uint8Array) => this.#edge(start, end, compute),
  });

  /** Transactions were discarded, and their nodes with them. */
  forget(): void {
    this.#nodes.length = 0;
    this.#edges.clear();
  }

  #node(level: number, index: number): Uint8Array {
    this.#nodes[level] ??= new RecentValues(NODES_OF_LEVEL_MAX);
    const nodes = this.#nodes[level];
    let node = nodes.get(index);
    if (node === undefined) {
      // A view of its row would keep what that shares its memory with.
      node = this.#readNode((BigInt(index) + 1n) << BigInt(level), level).slice();
      nodes.set(index, node);
    }
    return node;
  }

  #edge(start: number, end: number, compute: () => Uint8Array): Uint8Array {
    const key = start * EDGE_END_MAX + end;
    const known = this.#edges.get(key);
    if (known !== undefined) return known;
    const hash = compute();
    if (end < EDGE_END_MAX) this.#edges.set(key, hash);
    return hash;
  }
}
