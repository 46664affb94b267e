// The entries and values of one transaction: entries hash to the root in its header, each value to the hash in its entry, and
// every value is where its entry says, and the kept nodes of the tree over them are those of the tree. Rows come in the order
// of the log: entries, tree, values, pieces of values.

import { concat, EMPTY, equalBytes } from "../base/bytes.ts";
import { EntriesTree, upperNodeCount } from "../proof/entries-tree.ts";
import { checkEntryVersion, entryDigest } from "../proof/entry-digest.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import { sha256 } from "../proof/sha256.ts";
import type { StoredEntry } from "./entries-block.ts";
import {
  entriesKey,
  ROW_ENTRIES,
  ROW_NODES,
  ROW_VALUES,
  TREE_LEVEL_MIN,
  treeKey,
  VALUE_PIECE_BYTES_MAX,
  valueKey,
  valuesKey,
} from "./layout.ts";
import { decodeEntriesRow, decodeTreeRow, type TxRecord } from "./records.ts";
import type { OnMismatch } from "./row-reader.ts";
import { type Findings, isMalformed } from "./verify-report.ts";
import type { SegmentReader } from "./verify-segments.ts";

type ValueRows = readonly (Uint8Array | undefined)[];

const NO_ROWS: ValueRows = [];

export interface EntriesSource {
  /** The row of this key, which is the next one that belongs to the transaction; undefined when it is not there. */
  readonly take: (key: Uint8Array) => Uint8Array | undefined;
  readonly segments: SegmentReader;
  /** Values of transactions before this one are gone. */
  readonly truncatedBefore: () => bigint;
  /** No later transaction came without its values. */
  readonly withheldUpTo: () => bigint;
  /** Makes truncatedBefore() tell what holds now: a truncation records itself before it removes anything. */
  readonly refresh: () => void;
}

export class EntriesCheck {
  /** Values that were not looked at since they are truncated. */
  truncatedValues = 0;
  /** The same of values that never came: their transactions come from elsewhere. */
  withheldValues = 0;
  readonly #findings: Findings;
  readonly #source: EntriesSource;

  constructor(findings: Findings, source: EntriesSource) {
    this.#findings = findings;
    this.#source = source;
  }

  /** The entries of a transaction that has rows of entries; undefined when some cannot be read. */
  readRows({ id, nentries }: TxHeader): readonly StoredEntry[] | undefined {
    const entries: StoredEntry[] = [];
    let complete = true;
    for (let row = 0; row * ROW_ENTRIES < nentries; row++) {
      const read = this.#readRow("entry", id, `row ${row} of the entries`, entriesKey(id, row), (bytes, onMismatch) =>
        decodeEntriesRow(bytes, Math.min(ROW_ENTRIES, nentries - row * ROW_ENTRIES), onMismatch).all(),
      );
      if (read === undefined) complete = false;
      else if (complete) entries.push(...read);
    }
    return complete ? entries : undefined;
  }

  #readRow<T>(
    kind: "entry" | "tree",
    txId: bigint,
    what: string,
    key: Uint8Array,
    decode: (row: Uint8Array, onMismatch: OnMismatch) => T,
  ): T | undefined {
    const row = this.#source.take(key);
    if (row === undefined) {
      this.#findings.add(kind, `${what} is missing`, { txId });
      return undefined;
    }
    try {
      let mismatches = 0;
      const decoded = decode(row, () => mismatches++);
      if (mismatches > 0) this.#findings.add(kind, `the checksum of ${what} fails`, { txId });
      return decoded;
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#findings.add(kind, `${what} cannot be read: ${error.message}`, { txId });
      return undefined;
    }
  }

  /**
   * Checks entries against the header, the nodes kept of their tree, and their values. `inRows`: they have rows of their own.
   * Returns whether the entries are those that were written.
   */
  check(head: Pick<TxRecord, "header" | "tree">, entries: readonly StoredEntry[], inRows: boolean): boolean {
    const { header } = head;
    const tree = this.#treeOf(header, entries);
    const computed = tree?.upperNodes(TREE_LEVEL_MIN);
    if (!inRows) this.#checkNodes(header.id, head.tree, computed);
    else this.#checkTreeRows(header, computed);
    const values = inRows ? this.#takeValues(header.id, entries) : NO_ROWS;
    entries.forEach((stored, i) => {
      this.#checkValue(header.id, i, stored, values);
    });
    this.#findings.covered.entries += entries.length;
    return tree !== undefined;
  }

  /** The tree over the entries; undefined when it is not the one that the header says. */
  #treeOf({ id, version, eh }: TxHeader, entries: readonly StoredEntry[]): EntriesTree | undefined {
    try {
      const digests = entries.map(({ entry }) => {
        checkEntryVersion(entry, version);
        return entryDigest(entry, version);
      });
      const tree = new EntriesTree(digests);
      if (equalBytes(tree.root, eh)) return tree;
      this.#findings.add("entry", "the entries do not hash to what the header says", { txId: id });
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#findings.add("entry", error.message, { txId: id });
    }
    return undefined;
  }

  #checkTreeRows({ id, nentries }: TxHeader, computed: readonly Uint8Array[] | undefined): void {
    for (let row = 0; row * ROW_NODES < upperNodeCount(nentries, TREE_LEVEL_MIN); row++) {
      const nodes = this.#readRow("tree", id, `row ${row} of the entries tree`, treeKey(id, row), (bytes, onMismatch) =>
        decodeTreeRow(bytes, row, nentries, onMismatch),
      );
      const from = row * ROW_NODES;
      if (nodes !== undefined) this.#checkNodes(id, nodes, computed?.slice(from, from + ROW_NODES));
    }
  }

  /** `computed`: undefined when it cannot be told. */
  #checkNodes(txId: bigint, stored: readonly Uint8Array[], computed: readonly Uint8Array[] | undefined): void {
    if (computed === undefined) return;
    const same = computed.length === stored.length && computed.every((node, i) => equalBytes(node, stored[i] ?? EMPTY));
    if (!same) this.#findings.add("tree", "the nodes kept of the entries tree are not those computed", { txId });
  }

  /** The rows of values of a transaction, where there are any. */
  #takeValues(txId: bigint, entries: readonly StoredEntry[]): (Uint8Array | undefined)[] {
    const rows: (Uint8Array | undefined)[] = [];
    for (let row = 0; row * ROW_VALUES < entries.length; row++) {
      let length = 0;
      for (const { entry, at } of entries.slice(row * ROW_VALUES, (row + 1) * ROW_VALUES))
        if (at.place === "row") length += entry.vLen;
      const values = length === 0 ? undefined : this.#source.take(valuesKey(txId, row));
      if (values !== undefined && values.length !== length)
        this.#findings.add("value", "there are more values than the entries name", { txId });
      rows.push(values);
    }
    return rows;
  }

  #checkValue(txId: bigint, index: number, stored: StoredEntry, values: ValueRows): void {
    const { entry, at } = stored;
    const { covered } = this.#findings;
    const pieces = at.place === "pieces" ? this.#takePieces(txId, index, entry) : undefined;
    if (at.place === "withheld" && txId <= this.#source.withheldUpTo()) {
      this.withheldValues++;
      return;
    }
    if (entry.vLen > 0 && txId < this.#source.truncatedBefore()) {
      this.truncatedValues++;
      return;
    }
    const value = pieces ?? this.#read(txId, stored, values[Math.floor(index / ROW_VALUES)]);
    const wrong = value instanceof Uint8Array ? wrongWith(value, entry) : value;
    if (wrong === undefined) {
      if (entry.vLen > 0) covered.values++;
      covered.valueBytes += entry.vLen;
      return;
    }
    this.#source.refresh();
    if (entry.vLen > 0 && txId < this.#source.truncatedBefore()) this.truncatedValues++;
    else this.#findings.add("value", wrong, { txId, key: entry.key });
  }

  /** The bytes of a value, or what is wrong with them. */
  #read(txId: bigint, { entry, at }: StoredEntry, row: Uint8Array | undefined): Uint8Array | string {
    switch (at.place) {
      case "here":
        return at.value;
      case "row":
        return entry.vLen === 0 ? EMPTY : (row?.subarray(at.from, at.from + entry.vLen) ?? "the value is missing");
      case "segment":
        return this.#source.segments.read(txId, at.offset, entry.vLen) ?? "the value is not in its segment";
      case "pieces":
      case "withheld":
        return "the value is missing";
      case "truncated":
        return "the value was removed though nothing says that values of this transaction are truncated";
    }
  }

  /** All pieces of a value; what is wrong when one is missing or has another length. */
  #takePieces(txId: bigint, index: number, { vLen }: TxEntry): Uint8Array | string {
    const pieces: Uint8Array[] = [];
    let wrong: string | undefined;
    for (let piece = 0, left = vLen; left > 0; piece++, left -= VALUE_PIECE_BYTES_MAX) {
      const bytes = this.#source.take(valueKey(txId, index, piece));
      if (bytes === undefined) wrong ??= `piece ${piece} of the value is missing`;
      else if (bytes.length !== Math.min(left, VALUE_PIECE_BYTES_MAX)) wrong ??= `piece ${piece} has another length`;
      else pieces.push(bytes);
    }
    return wrong ?? (pieces.length === 1 ? (pieces[0] as Uint8Array) : concat(...pieces));
  }
}

function wrongWith(value: Uint8Array, { vLen, hValue }: TxEntry): string | undefined {
  if (!equalBytes(sha256(value), hValue)) return "the value does not hash to what its entry says";
  return value.length === vLen ? undefined : "the value has another length than its entry says";
}
