// The history tree as it grows leaf by leaf, in logarithmic space: only the peaks are kept, the complete subtrees that a tree
// of this size is made of. Independent of any stored node.

import { completedNodes, historyRoot, type NodeReader } from "../proof/history-tree.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import { grownPeaks } from "./chain.ts";

export class RunningTree {
  #size = 0;
  #peaks: readonly (Uint8Array | undefined)[] = [];

  /** The tree of `size` leaves, from stored nodes. */
  static of(size: number, read: NodeReader): RunningTree {
    const tree = new RunningTree();
    const peaks: (Uint8Array | undefined)[] = [];
    for (let level = 0, leaves = 1; leaves <= size; level++, leaves *= 2) {
      const complete = Math.floor(size / leaves);
      peaks.push(complete % 2 === 1 ? read(level, complete - 1) : undefined);
    }
    tree.#size = size;
    tree.#peaks = peaks;
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** As a header writes it: 32 zero bytes for the empty tree. */
  root(): Uint8Array {
    return this.#size === 0 ? ZERO_DIGEST : historyRoot(this.#size, this.#peak);
  }

  /** Adds a leaf. Returns the nodes that it completes, by level. */
  append(leaf: Uint8Array): readonly Uint8Array[] {
    const nodes = completedNodes(this.#size + 1, leaf, this.#peak);
    this.#peaks = grownPeaks(this.#peaks, nodes);
    this.#size++;
    return nodes;
  }

  readonly #peak: NodeReader = (level) => this.#peaks[level] as Uint8Array;
}
