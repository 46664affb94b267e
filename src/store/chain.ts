// The chain: turns entries into the next transaction. It holds what the next header needs (last Alh, roots of the complete
// subtrees of the history tree), so that building costs hashing and nothing else.
//
// `built` runs ahead of the disk: a group is built while the previous one syncs. When a group fails, everything derived from
// it is rebuilt from the last durable point (ChainPoint).

import { assert } from "../base/assert.ts";
import { EMPTY, equalBytes } from "../base/bytes.ts";
import { EntriesTree } from "../proof/entries-tree.ts";
import { entryDigest } from "../proof/entry-digest.ts";
import { completedNodes, historyRoot, leafHash, type NodeReader } from "../proof/history-tree.ts";
import type { KvMetadata, TxEntry, TxHeader, TxMetadata } from "../proof/model.ts";
import { sha256 } from "../proof/sha256.ts";
import { alh, EMPTY_ALH, ZERO_DIGEST } from "../proof/tx-header.ts";
import { attributesOf } from "./attributes.ts";
import { StoreError } from "./errors.ts";
import { type ForeignTx, refused } from "./foreign-tx.ts";
import { TREE_LEVEL_MIN } from "./layout.ts";
import type { BuiltTx } from "./records.ts";
import type { TxLog } from "./tx-log.ts";
import type { SpooledValue } from "./value-spool.ts";

/** One entry to be written: store key and store value (prefix bytes included). */
export interface EntrySpec {
  readonly key: Uint8Array;
  readonly value: Uint8Array | SpooledValue;
  readonly metadata: KvMetadata | undefined;
}

/** The end of a chain. `peaks[l]` is the complete subtree of 2^l leaves that the tree of `txId` leaves ends its level with. */
export interface ChainPoint {
  readonly txId: bigint;
  readonly alh: Uint8Array;
  /** Unix seconds. */
  readonly ts: bigint;
  readonly peaks: readonly (Uint8Array | undefined)[];
}

const GENESIS: ChainPoint = { txId: 0n, alh: EMPTY_ALH, ts: 0n, peaks: [] };

/** The end of a stored log, read back. */
export function chainPointOf(log: TxLog, txId: bigint): ChainPoint {
  if (txId === 0n) return GENESIS;
  const { header, alh } = log.checkedRecord(txId);
  const size = Number(txId);
  const peaks: (Uint8Array | undefined)[] = [];
  for (let level = 0, leaves = 1; leaves <= size; level++, leaves *= 2) {
    const complete = Math.floor(size / leaves);
    peaks.push(complete % 2 === 1 ? log.node(level, complete - 1) : undefined);
  }
  return { txId, alh, ts: header.ts, peaks };
}

/** Builds transactions one after another from a point. */
export class Chain {
  #point: ChainPoint;

  constructor(point: ChainPoint) {
    this.#point = point;
  }

  get point(): ChainPoint {
    return this.#point;
  }

  /** The next transaction; the chain moves on to it. `ts` in Unix seconds, raised to the last one's when it lies before it. */
  build(entries: readonly EntrySpec[], metadata: TxMetadata | undefined, ts: bigint, version: number): BuiltTx {
    const { txId: last, alh: prevAlh, ts: lastTs, peaks } = this.#point;
    const size = Number(last);
    const read: NodeReader = (level) => peaks[level] as Uint8Array;
    const txEntries = entries.map(toTxEntry);
    const tree = new EntriesTree(txEntries.map((entry) => entryDigest(entry, version)));
    const header: TxHeader = {
      id: last + 1n,
      prevAlh,
      ts: ts < lastTs ? lastTs : ts,
      version,
      metadata,
      nentries: entries.length,
      eh: tree.root,
      blTxId: last,
      blRoot: size === 0 ? ZERO_DIGEST : historyRoot(size, read),
    };
    const ownAlh = alh(header);
    const nodes = completedNodes(size + 1, leafHash(ownAlh), read);
    this.#point = { txId: header.id, alh: ownAlh, ts: header.ts, peaks: grownPeaks(peaks, nodes) };
    const values = entries.map((entry) => entry.value);
    const upper = tree.upperNodes(TREE_LEVEL_MIN);
    return { header, alh: ownAlh, nodes, tree: upper, entries: txEntries, values, withheld: false };
  }

  /**
   * A transaction that was made elsewhere, as the next one; the chain moves on to it. `node`: any node of the history tree, since
   * very old servers wrote headers that commit to older trees than the one before them. Throws `foreign_tx_refused`.
   */
  adopt(foreign: ForeignTx, node: NodeReader): BuiltTx {
    const { txId: last, alh: prevAlh, peaks } = this.#point;
    const { header, alh: ownAlh, tree, entries, values, withheld } = foreign;
    const { id, blTxId } = header;
    assert(id === last + 1n, "transactions are adopted in their order");
    if (!equalBytes(header.prevAlh, prevAlh)) throw refused(id, "prev_alh", "it continues another history");
    const read: NodeReader = (level) => peaks[level] as Uint8Array;
    const root = blTxId === 0n ? ZERO_DIGEST : historyRoot(Number(blTxId), blTxId === last ? read : node);
    if (!equalBytes(header.blRoot, root)) throw refused(id, "bl_root", "it commits to another history");
    const nodes = completedNodes(Number(id), leafHash(ownAlh), read);
    this.#point = { txId: id, alh: ownAlh, ts: header.ts, peaks: grownPeaks(peaks, nodes) };
    return { header, alh: ownAlh, nodes, tree, entries, values, withheld };
  }
}

function toTxEntry({ key, value, metadata }: EntrySpec): TxEntry {
  return { key, metadata: attributesOf(metadata), hValue: digestOf(value), vLen: value.length };
}

function digestOf(value: Uint8Array | SpooledValue): Uint8Array {
  return value instanceof Uint8Array ? sha256(value) : value.hValue;
}

/** Peaks after a leaf completed `nodes`: it swallowed the peaks below its highest node. */
export function grownPeaks(
  peaks: readonly (Uint8Array | undefined)[],
  nodes: readonly Uint8Array[],
): (Uint8Array | undefined)[] {
  const top = nodes.length - 1;
  const grown = peaks.slice();
  grown.fill(undefined, 0, top);
  grown[top] = nodes[top];
  return grown;
}

/**
 * The stored end, which must fit together: last header, its predecessor, the root of the tree it commits to, and the nodes
 * that it completed. What is built from now on commits to all of it, so nothing wrong may get in here.
 */
export function checkedEnd(log: TxLog, database: string): ChainPoint {
  const end = chainPointOf(log, log.lastTxId());
  if (end.txId === 0n) return end;
  const { header, nodes } = log.checkedRecord(end.txId);
  const bl = Number(header.blTxId);
  const rootFits = bl === 0 || equalBytes(historyRoot(bl, log.node), header.blRoot);
  const prevFits = end.txId === 1n || equalBytes(log.alh(end.txId - 1n), header.prevAlh);
  const completed = completedNodes(Number(end.txId), leafHash(end.alh), log.node);
  const nodesFit = completed.every((node, level) => equalBytes(node, nodes[level] ?? EMPTY));
  if (!rootFits || !prevFits || !nodesFit) {
    const message = `data is damaged: transaction ${end.txId} of database ${database} does not continue the chain before it`;
    throw new StoreError("damaged", message, { database, txId: end.txId, what: "chain" });
  }
  return end;
}
