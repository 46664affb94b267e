// The rows that a batch of transactions adds to the index, in key order: so the tree is gone through once, from left to right,
// and each of its leaves is copied once.
//
// A key's revision follows from the row that the index has of it, so that row is read first. Keys behind the last one of the
// index have none: loading in key order reads nothing.

import { INDEX_ROWS_IN_ONE_TURN_MAX } from "../base/limits.ts";
import type { Allocate } from "./arena.ts";
import type { Row, Table } from "./engine.ts";
import type { IndexableTx, IndexableVersion } from "./indexable.ts";
import type { IndexTables } from "./key-reader.ts";
import { decodeVersion, encodeVersion, historyKey, type VersionRecord } from "./layout.ts";
import { keyToText } from "./overlay.ts";

export interface IndexRows {
  /** Latest versions: new rows, and rows that take the place of one. */
  readonly latest: readonly Row[];
  /** Versions that these supersede: new rows. */
  readonly history: readonly Row[];
  /** How many of the keys had no row before. */
  readonly newKeys: number;
}

/** Makes the rows. Other events have their turn in between: nothing but a batch may change the index meanwhile. */
export async function indexRows(
  txs: readonly IndexableTx[],
  index: IndexTables,
  allocate: Allocate,
): Promise<IndexRows> {
  const versions = inKeyOrder(txs);
  const latest: Row[] = [];
  const history: Row[] = [];
  let newKeys = 0;
  const lastText = lastKeyText(index.latest);
  for (let from = 0, left = INDEX_ROWS_IN_ONE_TURN_MAX; from < versions.length; left--) {
    if (left === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      left = INDEX_ROWS_IN_ONE_TURN_MAX;
    }
    const { key, text } = versions[from] as IndexableVersion;
    const stored = text > lastText ? undefined : index.latest.get(key);
    if (stored === undefined) newKeys++;
    let current: VersionRecord | undefined = stored === undefined ? undefined : decodeVersion(key, stored);
    for (; from < versions.length; from++) {
      const { text: next, txId, entry, metadata } = versions[from] as IndexableVersion;
      if (next !== text) break;
      if (current !== undefined) history.push(historyRow(key, current, allocate));
      current = { txId, entry, revision: current === undefined ? 1n : current.revision + 1n, metadata };
    }
    latest.push({ key, value: encodeVersion(key, current as VersionRecord, allocate) });
  }
  return { latest, history, newKeys };
}

/** Versions of one key stay in the order of transactions: sorting is stable. */
function inKeyOrder(txs: readonly IndexableTx[]): IndexableVersion[] {
  const versions = txs.flatMap((tx) => tx.versions);
  return versions.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

function historyRow(key: Uint8Array, version: VersionRecord, allocate: Allocate): Row {
  const rowKey = historyKey(key, version.revision);
  return { key: rowKey, value: encodeVersion(rowKey, version, allocate) };
}

/** The last key of the table; the empty text, which is no key, when there is none. */
function lastKeyText(latest: Table): string {
  for (const { key } of latest.range({ reverse: true, limit: 1 })) return keyToText(key);
  return "";
}
