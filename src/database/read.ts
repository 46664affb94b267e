// Reads by key: get, getAll, scan, history, count. Each is one synchronous pass over one state.

import { concat } from "../base/bytes.ts";
import { RESULT_ROWS_MAX } from "../base/limits.ts";
import { plainKey } from "../proof/keys.ts";
import type { Entry } from "../proof/model.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import type { KeyRange } from "../store/key-reader.ts";
import type { VersionRecord } from "../store/layout.ts";
import { isReadable, requireReadable } from "../store/readable.ts";
import { type EntryReads, entryAtTx, entryOfVersion, historyEntry, isTruncated, latestEntry } from "./entries.ts";
import { DatabaseError } from "./errors.ts";
import { afterPrefix, earlier, later } from "./key-bounds.ts";
import type { GetAllRequest, GetRequest, HistoryRequest, ScanRequest } from "./requests.ts";

const ZERO = Uint8Array.of(0);
const NOTHING_TO_READ: ReadonlySet<StoreErrorCode> = new Set(["key_not_found", "key_expired", "value_truncated"]);

export function get(store: EntryReads, request: GetRequest, now: bigint): Entry {
  const { key, atTx, sinceTx, atRevision } = request;
  if (key.length === 0) throw new DatabaseError("empty_key", "the key is empty");
  if (atTx !== 0n) {
    if (sinceTx !== 0n) throw new DatabaseError("at_tx_with_since", "atTx and sinceTx exclude each other");
    if (atRevision !== 0n) throw new DatabaseError("at_tx_with_revision", "atTx and atRevision exclude each other");
    return entryAtTx(store, key, atTx, now);
  }
  if (sinceTx > store.committed.txId) throw new DatabaseError("since_future", "sinceTx is not committed yet");
  return atRevision === 0n ? latestEntry(store, key, now) : entryAtRevision(store, key, atRevision, now);
}

/** Values of the keys that have one, in the order asked for. */
export function getAll(store: EntryReads, request: GetAllRequest, now: bigint): Entry[] {
  requireSince(store, request.sinceTx);
  if (request.keys.some((key) => key.length === 0)) throw new DatabaseError("empty_key", "a key is empty");
  const entries: Entry[] = [];
  for (const key of request.keys) {
    // Without a function for each key.
    try {
      entries.push(latestEntry(store, key, now));
    } catch (error) {
      requireNothingToRead(error);
    }
  }
  return entries;
}

export function scan(store: EntryReads, request: ScanRequest, now: bigint): Entry[] {
  requireRows(request.limit);
  requireSince(store, request.sinceTx);
  const limit = request.limit || RESULT_ROWS_MAX;
  const entries: Entry[] = [];
  let skip = request.offset;
  for (const { key, version } of store.scan(scanRange(request))) {
    if (!isReadable(version, now)) continue;
    const entry = unlessNothing(() => entryOfVersion(store, key, version, now));
    if (entry === undefined) continue;
    if (skip > 0) {
      skip--;
      continue;
    }
    entries.push(entry);
    if (entries.length === limit) break;
  }
  return entries;
}

/** Versions of a key, oldest first, or latest first when `desc`. */
export function history(store: EntryReads, request: HistoryRequest, now: bigint): Entry[] {
  const { key, offset, limit, desc, sinceTx } = request;
  requireRows(limit);
  requireSince(store, sinceTx);
  const storeKey = plainKey(key);
  const latest = key.length === 0 ? undefined : store.latest(storeKey);
  if (latest === undefined) throw new StoreError("key_not_found", "key not found");
  if (limit < 0) throw new DatabaseError("history_limit_negative", "the limit is negative");
  const count = Number(latest.revision);
  if (offset === count) throw new StoreError("no_more_entries", "history ends before the offset");
  if (offset > count) return [];
  const rows = Math.min(limit || RESULT_ROWS_MAX, count - offset);
  const first = BigInt(desc ? count - offset - rows + 1 : offset + 1);
  const versions = store.revisions(storeKey, first, first + BigInt(rows) - 1n, desc);
  return versions.map((version) => historyEntry(store, key, storeKey, version, now));
}

/** How many keys with this prefix have a value now. */
export function count(store: EntryReads, prefix: Uint8Array, now: bigint): bigint {
  let keys = 0n;
  for (const { version } of store.scan({ ...prefixRange(prefix), reverse: false }))
    if (isReadable(version, now) && !isTruncated(store, version)) keys++;
  return keys;
}

/** Throws IllegalArguments when the caller wants to see a transaction that is not committed. */
export function requireSince(store: EntryReads, sinceTx: bigint): void {
  if (sinceTx > store.committed.txId) throw new DatabaseError("illegal_arguments", "sinceTx is not committed yet");
}

/** Throws `result_limit` when more rows are asked for than an answer holds. */
export function requireRows(limit: number): void {
  if (limit > RESULT_ROWS_MAX) {
    throw new DatabaseError("result_limit", `at most ${RESULT_ROWS_MAX} rows`, { limit, max: RESULT_ROWS_MAX });
  }
}

function entryAtRevision(store: EntryReads, key: Uint8Array, atRevision: bigint, now: bigint): Entry {
  const storeKey = plainKey(key);
  const latest = store.latest(storeKey);
  if (latest === undefined) throw new StoreError("key_not_found", "key not found");
  const revision = atRevision > 0n ? atRevision : latest.revision + atRevision;
  if (revision < 1n || revision > latest.revision) throw new StoreError("revision_not_found", "no such revision");
  const [version] = store.revisions(storeKey, revision, revision, false) as [VersionRecord];
  return entryOfVersion(store, storeKey, requireReadable(version, now), now);
}

/** The entry, or nothing when there is no value to read: what lists leave out. Damage is not left out. */
export function readable(read: () => Entry): [] | [Entry] {
  const entry = unlessNothing(read);
  return entry === undefined ? [] : [entry];
}

function unlessNothing(read: () => Entry): Entry | undefined {
  try {
    return read();
  } catch (error) {
    requireNothingToRead(error);
    return undefined;
  }
}

/** Throws what is more than that there is no value to read. */
function requireNothingToRead(error: unknown): void {
  if (error instanceof StoreError && NOTHING_TO_READ.has(error.code)) return;
  if (error instanceof DatabaseError && error.code === "reference_chain") return;
  throw error;
}

/** Store keys of the plain keys that begin with `prefix`. */
function prefixRange(prefix: Uint8Array): { readonly from: Uint8Array; readonly to: Uint8Array } {
  return { from: plainKey(prefix), to: afterPrefix(plainKey(prefix)) };
}

/** Bounds of a scan: the prefix, narrowed by where it starts and ends. A successor of a key is the key and a zero byte. */
function scanRange(request: ScanRequest): KeyRange {
  const { prefix, seekKey, endKey, inclusiveSeek, inclusiveEnd, desc } = request;
  let { from, to } = prefixRange(prefix);
  const low = desc ? endKey : seekKey;
  const high = desc ? seekKey : endKey;
  if (low.length > 0) from = later(from, bound(low, desc ? !inclusiveEnd : !inclusiveSeek));
  if (high.length > 0) to = earlier(to, bound(high, desc ? inclusiveSeek : inclusiveEnd));
  return { from, to: later(from, to), reverse: desc };
}

function bound(userKey: Uint8Array, after: boolean): Uint8Array {
  return after ? concat(plainKey(userKey), ZERO) : plainKey(userKey);
}
