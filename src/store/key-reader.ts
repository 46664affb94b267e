// Reading by key: index and overlay merged, as of some transaction (overlay.ts says why the merge needs no shared watermark).
// One call runs in one turn of the event loop, so that it sees one state.

import { toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import type { Table } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { decodeVersion, historyKey, type VersionRecord } from "./layout.ts";
import { keyToText, type Overlay, type OverlayVersion, textToKey } from "./overlay.ts";
import type { RecentVersions } from "./recent-versions.ts";

/** Tables of the index; replaced as a whole when the index is rebuilt. */
export interface IndexTables {
  readonly latest: Table;
  readonly history: Table;
  /** Rows of `latest` that were read of late. */
  readonly recent: RecentVersions;
}

export interface KeyRange {
  /** Inclusive lower bound; absent: from the first key. */
  readonly from: Uint8Array | undefined;
  /** Exclusive upper bound; absent: to the last key. */
  readonly to: Uint8Array | undefined;
  readonly reverse: boolean;
}

export interface KeyVersion {
  readonly key: Uint8Array;
  readonly version: VersionRecord;
}

export class KeyReader {
  readonly #overlay: Overlay;
  readonly #index: () => IndexTables;
  readonly #database: string;

  constructor(database: string, overlay: Overlay, index: () => IndexTables) {
    this.#database = database;
    this.#overlay = overlay;
    this.#index = index;
  }

  /** Latest version of a key among transactions up to `upTo`, deletions and expired ones included. */
  latest(key: Uint8Array, upTo: bigint): VersionRecord | undefined {
    return latestOf(this.#recent(key), this.#overlay.versions(key), upTo);
  }

  /**
   * Versions `first`..`last` (revisions, 1-based) of a key, in that order or from the end. The caller knows from latest()
   * that they exist.
   */
  revisions(key: Uint8Array, first: bigint, last: bigint, reverse: boolean, upTo: bigint): VersionRecord[] {
    const versions: VersionRecord[] = [];
    for (const row of this.#index().history.range({ from: historyKey(key, first), to: historyKey(key, last + 1n) })) {
      versions.push(this.#decoded(key, row.value, row.key));
    }
    // Of the same state of the index as the rows: one that is remembered could be among them.
    const indexed = this.#indexed(key);
    if (indexed !== undefined) versions.push(indexed);
    let revision = indexed?.revision ?? 0n;
    for (const { txId, entry, metadata } of newer(this.#overlay.versions(key), indexed, upTo))
      versions.push({ txId, entry, revision: ++revision, metadata });
    const wanted = versions.filter((version) => version.revision >= first && version.revision <= last);
    if (BigInt(wanted.length) !== last - first + 1n) throw this.#damaged(key, undefined);
    return reverse ? wanted.reverse() : wanted;
  }

  /** Latest versions of the keys in a range, in key order or from the end, deletions and expired ones included. */
  *scan(range: KeyRange, upTo: bigint): Iterable<KeyVersion> {
    const { from, to, reverse } = range;
    const sign = reverse ? -1 : 1;
    const indexed = this.#index().latest.range(range)[Symbol.iterator]();
    const fresh = this.#overlay.keys(from && keyToText(from), to && keyToText(to), reverse)[Symbol.iterator]();
    let row = indexed.next();
    let text = fresh.next();
    try {
      while (!row.done || !text.done) {
        const order = row.done ? 1 : text.done ? -1 : compareTexts(keyToText(row.value.key), text.value) * sign;
        const key = order <= 0 ? (row.value.key as Uint8Array) : textToKey(text.value as string);
        const base = order <= 0 ? this.#decoded(key, row.value.value as Uint8Array) : undefined;
        const version = latestOf(base, order >= 0 ? this.#overlay.versionsOfText(text.value as string) : [], upTo);
        if (order <= 0) row = indexed.next();
        if (order >= 0) text = fresh.next();
        if (version !== undefined) yield { key, version };
      }
    } finally {
      // A reader that stops early must not leave a cursor open: it would pin its snapshot and a place among the readers.
      indexed.return?.();
    }
  }

  /** The latest version that the index has, or had when the overlay still holds all that came after it. */
  #recent(key: Uint8Array): VersionRecord | undefined {
    const { recent } = this.#index();
    const known = recent.get(key);
    if (known !== undefined) return known;
    const version = this.#indexed(key);
    if (version !== undefined) recent.set(key, version);
    return version;
  }

  /** The latest version that the index has now. */
  #indexed(key: Uint8Array): VersionRecord | undefined {
    const row = this.#index().latest.peek(key);
    return row === undefined ? undefined : this.#decoded(key, row.bytes, key, row.length);
  }

  /** The version in a row of the index about `key`, which is the row's own key in the table of latest versions. */
  #decoded(key: Uint8Array, bytes: Uint8Array, rowKey: Uint8Array = key, length = bytes.length): VersionRecord {
    try {
      return decodeVersion(rowKey, bytes, length);
    } catch (error) {
      if (error instanceof RangeError || error instanceof RoomError) throw this.#damaged(key, error);
      throw error;
    }
  }

  #damaged(key: Uint8Array, cause: unknown): StoreError {
    const message = `data is damaged: the index of key ${toHex(key)} in database ${this.#database}: rebuild the index`;
    return new StoreError("damaged", message, { database: this.#database, what: "index", key: toHex(key) }, cause);
  }
}

/** The versions that the index does not hold and that may be seen. */
function newer(
  versions: readonly OverlayVersion[],
  indexed: VersionRecord | undefined,
  upTo: bigint,
): OverlayVersion[] {
  return versions.filter((version) => version.txId <= upTo && (indexed === undefined || version.txId > indexed.txId));
}

function latestOf(
  indexed: VersionRecord | undefined,
  versions: readonly OverlayVersion[],
  upTo: bigint,
): VersionRecord | undefined {
  if (versions.length === 0) return indexed;
  const fresh = newer(versions, indexed, upTo);
  const last = fresh.at(-1);
  if (last === undefined) return indexed;
  const { txId, entry, metadata } = last;
  return { txId, entry, revision: (indexed?.revision ?? 0n) + BigInt(fresh.length), metadata };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
