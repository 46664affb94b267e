// The index against the log. What must hold: for every key, its rows are the revisions 1, 2, … n, the last one in "latest" and
// the others in "history", in the order of their transactions; and all rows together are exactly the indexable entries of the
// log up to the watermark.
//
//   walk 1  "latest" in key order; for each key its history rows, in the same snapshot. Each key is met once and its
//           transactions ascend, so no version is met twice, and the versions met make a set.
//   walk 2  "history" in its own order: no row that walk 1 cannot have met (an unknown key, a revision beyond the latest).
//
// That is complete: all rows are in the set or found in walk 2, and the set is compared with the set of the log's entries as a
// digest (version-set.ts), in constant memory whatever the size. Equal sets and ascending transactions leave a key one
// possible order, so its revisions are those that a replay of the log would give. The watermark's counts are those of walk 1.
//
// All this also holds of an index that is being written to: what it holds up to a watermark once read only moves from
// "latest" to "history", in one step that no snapshot shows half of; later versions are left out of the set. Only when the
// sets differ are the two looked through row by row, to name what differs (verify-index-rows.ts).

import { equalBytes, toHex, viewOf } from "../base/bytes.ts";
import type { Engine, Table } from "./engine.ts";
import { decodeVersion, historyKey, type IndexWatermark, type VersionRecord } from "./layout.ts";
import { RowStream } from "./row-stream.ts";
import type { TxRanges } from "./tx-ranges.ts";
import type { Pace } from "./verify-pace.ts";
import { type Findings, isMalformed } from "./verify-report.ts";
import type { VersionSet } from "./version-set.ts";

/** Keys that are remembered as damaged, so as not to report them again. */
const DAMAGED_KEYS_MAX = 1000;

export interface IndexSource {
  readonly engine: Engine;
  readonly latest: Table;
  readonly history: Table;
  readonly meta: Table;
}

export interface IndexCheckParts {
  readonly index: IndexSource;
  readonly findings: Findings;
  readonly watermark: IndexWatermark;
  /** Whether the index is being written to: rows past the watermark are later, not wrong. */
  readonly live: boolean;
  /** Transactions whose versions are left out of the set. */
  readonly unread: TxRanges;
  readonly versions: VersionSet;
}

export class IndexCheck {
  /** The first keys, in hexadecimal digits, some of whose rows cannot be read. */
  readonly damagedKeys: Set<string> = new Set();
  readonly #parts: IndexCheckParts;
  readonly #total: number;
  /** Rows that the watermark should count. */
  #keys = 0n;
  #superseded = 0n;
  #rows = 0;

  constructor(parts: IndexCheckParts) {
    this.#parts = parts;
    // Every history row is met in both walks.
    this.#total = Number(parts.watermark.latestRows + 2n * parts.watermark.historyRows);
  }

  async run(pace: Pace): Promise<void> {
    const { index } = this.#parts;
    await this.#each(index.latest, pace, (key, value) => this.#key(key, value));
    await this.#each(index.history, pace, historyRows(this.#parts));
    this.#checkCounts();
  }

  async #each(table: Table, pace: Pace, onRow: (key: Uint8Array, value: Uint8Array) => void): Promise<void> {
    const rows = new RowStream(this.#parts.index.engine, table);
    for (let row = rows.next(); row !== undefined; row = rows.next()) {
      this.#rows++;
      onRow(row.key, row.value);
      if (!pace.due) continue;
      rows.pause();
      await pace.rest("index", Math.min(this.#rows, this.#total), this.#total);
    }
    rows.pause();
  }

  /** A row of "latest" and all history of its key. */
  #key(key: Uint8Array, value: Uint8Array): void {
    const { findings, watermark, live } = this.#parts;
    findings.covered.latestRows++;
    const latest = this.#decoded("index_latest", key, key, value);
    if (latest === undefined) return;
    const wrong = (what: string): void => findings.add("index_latest", what, { txId: latest.txId, key });
    if (latest.revision === 0n) wrong("revisions count from 1");
    if (latest.txId > watermark.txId && !live) wrong("the row is later than what the index says it has come to");
    const before = latest.revision > 1n ? this.#historyOf(key, latest.revision) : 0n;
    if (latest.txId <= before) wrong("an earlier revision is of a later transaction");
    this.#met(key, latest);
  }

  /** The revisions of a key before `last`. Returns the transaction of the latest of them. */
  #historyOf(key: Uint8Array, last: bigint): bigint {
    const { index, findings } = this.#parts;
    const missing = (from: bigint, to: bigint): void => {
      if (from > to) return;
      const what = from === to ? `revision ${from} is missing` : `revisions ${from} to ${to} are missing`;
      findings.add("index_history", what, { key });
    };
    let next = 1n;
    let txId = 0n;
    for (const row of index.history.range({ from: historyKey(key, 1n), to: historyKey(key, last) })) {
      this.#rows++;
      const revision = revisionOf(row.key);
      missing(next, revision - 1n);
      next = revision + 1n;
      const version = this.#decoded("index_history", key, row.key, row.value);
      if (version === undefined) continue;
      const wrong = (what: string): void => findings.add("index_history", what, { txId: version.txId, key });
      if (version.revision !== revision) wrong("the row is that of another revision");
      if (version.txId <= txId) wrong("revisions are not in the order of transactions");
      txId = version.txId;
      this.#met(key, version);
    }
    missing(next, last - 1n);
    return txId;
  }

  #met(key: Uint8Array, { txId, entry, revision, metadata }: VersionRecord): void {
    const { watermark, unread, versions } = this.#parts;
    if (txId > watermark.txId) return;
    if (revision === 1n) this.#keys++;
    else this.#superseded++;
    if (!unread.has(txId)) versions.add(key, txId, entry, metadata);
  }

  #decoded(
    kind: "index_latest" | "index_history",
    key: Uint8Array,
    rowKey: Uint8Array,
    value: Uint8Array,
  ): VersionRecord | undefined {
    try {
      return decodeVersion(rowKey, value);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#parts.findings.add(kind, `the row cannot be read: ${error.message}`, { key });
      if (this.damagedKeys.size < DAMAGED_KEYS_MAX) this.damagedKeys.add(toHex(key));
      return undefined;
    }
  }

  /** Rows that cannot be read cannot be counted. */
  #checkCounts(): void {
    if (this.damagedKeys.size > 0) return;
    const { watermark, findings } = this.#parts;
    const check = (table: string, said: bigint, met: bigint): void => {
      if (said !== met)
        findings.add("index_watermark", `the index says that ${table} has ${said} rows and it has ${met}`);
    };
    check("latest", watermark.latestRows, this.#keys);
    check("history", watermark.historyRows, this.#superseded);
  }
}

/** Walk 2: to be called with the rows of "history" in order. */
function historyRows({ index, findings }: IndexCheckParts): (rowKey: Uint8Array) => void {
  let known: { readonly key: Uint8Array; readonly latest: VersionRecord | "damaged" | undefined } | undefined;
  return (rowKey) => {
    findings.covered.historyRows++;
    const key = keyOf(rowKey);
    if (key === undefined) {
      findings.add("index_history", "the row's key is malformed");
      return;
    }
    const revision = revisionOf(rowKey);
    const isBefore = (latest: VersionRecord | "damaged" | undefined): boolean =>
      latest === "damaged" || (latest !== undefined && revision > 0n && revision < latest.revision);
    if (known !== undefined && equalBytes(known.key, key) && isBefore(known.latest)) return;
    known = { key, latest: latestOf(index, key) };
    if (isBefore(known.latest)) return;
    const what = known.latest === undefined ? "the key has no latest row" : "it does not come before the latest";
    findings.add("index_history", `revision ${revision}: ${what}`, { key });
  };
}

function latestOf(index: IndexSource, key: Uint8Array): VersionRecord | "damaged" | undefined {
  const value = index.latest.get(key);
  if (value === undefined) return undefined;
  try {
    return decodeVersion(key, value);
  } catch (error) {
    if (isMalformed(error)) return "damaged";
    throw error;
  }
}

/** The store key in a key of "history"; undefined when it has another form. */
function keyOf(rowKey: Uint8Array): Uint8Array | undefined {
  if (rowKey.length < 10) return undefined;
  const length = viewOf(rowKey).getUint16(0);
  return rowKey.length === 2 + length + 8 ? rowKey.subarray(2, 2 + length) : undefined;
}

function revisionOf(rowKey: Uint8Array): bigint {
  return viewOf(rowKey).getBigUint64(rowKey.length - 8);
}
