// Whether the transactions of a log continue one another: each header hashes to its Alh, names the Alh before it, and commits to
// the history tree as it was then; the stored nodes are those of a tree that is computed here from the Alhs alone.
//
// One damaged record must not make everything after it look wrong. What a transaction's Alh is, is told three times over: by
// its header, by the Alh beside it, and by the first of its nodes, which is the leaf of that Alh. Two of three say which one
// is damaged. Where a transaction is gone, the next one names its Alh; where more are gone, the tree is taken up again from
// stored nodes as soon as they make the root that a header commits to.

import { equalBytes } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import { historyRoot, leafHash, type NodeReader } from "../proof/history-tree.ts";
import type { TxHeader } from "../proof/model.ts";
import { alh as computeAlh, EMPTY_ALH, ZERO_DIGEST } from "../proof/tx-header.ts";
import type { StorePoint } from "./commit-state.ts";
import type { TxRecord } from "./records.ts";
import { RunningTree } from "./running-tree.ts";
import type { Findings } from "./verify-report.ts";

type TxHead = Pick<TxRecord, "header" | "alh" | "nodes">;

export class ChainCheck {
  readonly #findings: Findings;
  readonly #known: readonly StorePoint[];
  readonly #storedNode: NodeReader;
  /** The transaction passed last. */
  #txId = 0n;
  /** Its Alh; undefined when it cannot be told. */
  #alh: Uint8Array | undefined = EMPTY_ALH;
  /** Over the transactions passed but the last `lost`; undefined when more are lost than can be told. */
  #tree: RunningTree | undefined = new RunningTree();
  #lost = 0;
  #treeUnchecked = 0;

  /** `known`: states that are known from elsewhere. `storedNode` throws for a node that cannot be read. */
  constructor(findings: Findings, known: readonly StorePoint[], storedNode: NodeReader) {
    this.#findings = findings;
    this.#known = known;
    this.#storedNode = storedNode;
  }

  /** The last transaction passed; its Alh is 32 zero bytes when it cannot be told. */
  get end(): StorePoint {
    return { txId: this.#txId, alh: this.#alh ?? ZERO_DIGEST };
  }

  /** Transactions whose part of the history tree could not be computed. */
  get treeUnchecked(): number {
    return this.#treeUnchecked;
  }

  /** Transactions of which nothing can be told. */
  skip(count: bigint): void {
    if (count === 0n) return;
    this.#txId += count;
    this.#alh = undefined;
    this.#lost += Number(count);
    this.#treeUnchecked += Number(count);
  }

  /** Checks the next transaction. Returns whether what its header says can be relied on. */
  check(head: TxHead): boolean {
    const txId = this.#txId + 1n;
    const { sound, alh } = this.#ownAlh(txId, head);
    if (sound) {
      this.#checkBefore(txId, head.header);
      this.#recoverLost(head.header.prevAlh);
      this.#checkRoot(txId, head.header);
    } else {
      this.#recoverLost(undefined);
    }
    this.#checkNodes(txId, head, alh);
    for (const point of this.#known) {
      if (point.txId === txId && !equalBytes(point.alh, alh))
        this.#findings.add("state", "another history is known up to this transaction", { txId });
    }
    this.#txId = txId;
    this.#alh = alh;
    return sound;
  }

  /** The Alh of a transaction, and whether its header is the one that it was computed from. */
  #ownAlh(txId: bigint, { header, alh, nodes }: TxHead): { sound: boolean; alh: Uint8Array } {
    const computed = alhOf(header);
    if (computed !== undefined && equalBytes(computed, alh)) return { sound: true, alh };
    const [leaf] = nodes;
    if (computed !== undefined && leaf !== undefined && equalBytes(leaf, leafHash(computed))) {
      this.#findings.add("alh", "the stored Alh is not that of the header", { txId });
      return { sound: true, alh: computed };
    }
    this.#findings.add("header", "the header does not hash to the stored Alh", { txId });
    return { sound: false, alh };
  }

  /** Its time is not compared: a transaction that came from elsewhere has that of another clock, which may have been set back. */
  #checkBefore(txId: bigint, { prevAlh, blTxId }: TxHeader): void {
    const { add } = this.#adder(txId);
    if (this.#alh !== undefined && !equalBytes(prevAlh, this.#alh))
      add("the header names another transaction before it than there is");
    if (blTxId >= txId) add("the header commits to transactions that come after it");
  }

  /** One lost leaf is known as soon as the next header names its Alh. */
  #recoverLost(prevAlh: Uint8Array | undefined): void {
    if (this.#lost === 1 && prevAlh !== undefined) this.#tree?.append(leafHash(prevAlh));
    else if (this.#lost > 0) this.#tree = undefined;
    this.#lost = 0;
  }

  #checkRoot(txId: bigint, { blTxId, blRoot }: TxHeader): void {
    if (blTxId >= txId) return;
    const size = Number(txId - 1n);
    if (this.#tree !== undefined && blTxId === txId - 1n) {
      if (equalBytes(this.#tree.root(), blRoot)) return;
      this.#adder(txId).add("the header commits to another history than there is");
      this.#tree = undefined;
    }
    if (blTxId < txId - 1n) {
      const root = this.#attempt(() => (blTxId === 0n ? ZERO_DIGEST : historyRoot(Number(blTxId), this.#storedNode)));
      if (root === undefined || !equalBytes(root, blRoot))
        this.#adder(txId).add("the header commits to another history than there is");
    } else {
      const stored = this.#attempt(() => RunningTree.of(size, this.#storedNode));
      if (stored !== undefined && equalBytes(stored.root(), blRoot)) this.#tree = stored;
    }
  }

  #checkNodes(txId: bigint, { nodes }: TxHead, alh: Uint8Array): void {
    if (this.#tree === undefined) {
      this.#treeUnchecked++;
      return;
    }
    const completed = this.#tree.append(leafHash(alh));
    completed.forEach((node, level) => {
      const stored = nodes[level];
      if (stored === undefined || !equalBytes(stored, node))
        this.#findings.add("node", `the node of the history tree at level ${level} is not the one computed`, { txId });
    });
    if (nodes.length > completed.length)
      this.#findings.add("node", "there are more nodes of the history tree than the transaction completes", { txId });
    this.#findings.covered.treeNodes += completed.length;
  }

  #adder(txId: bigint): { add: (what: string) => void } {
    return { add: (what) => this.#findings.add("chain", what, { txId }) };
  }

  #attempt<T>(compute: () => T): T | undefined {
    try {
      return compute();
    } catch (error) {
      if (error instanceof RangeError || error instanceof RoomError) return undefined;
      throw error;
    }
  }
}

/** undefined for a header that cannot be hashed. */
function alhOf(header: TxHeader): Uint8Array | undefined {
  try {
    return computeAlh(header);
  } catch (error) {
    if (error instanceof RangeError || error instanceof RoomError) return undefined;
    throw error;
  }
}
