// What reads must answer, by the shortest program that says so: a ledger as a list of versions by key, looked at as of one
// transaction and one moment. Answers are texts, so that they compare and print.

import { utf8ToString } from "../../src/base/bytes.ts";
import type { Entry } from "../../src/proof/model.ts";

/** One version of a key, as its writer wrote it. */
export interface Version {
  readonly txId: bigint;
  readonly value: string;
  readonly deleted: boolean;
  /** Unix seconds. */
  readonly expiresAt: bigint | undefined;
  readonly nonIndexable: boolean;
}

/** A ledger as of a transaction. */
export interface View {
  readonly last: bigint;
  /** Unix seconds. */
  readonly now: bigint;
  /** Values of transactions before this one are truncated. */
  readonly truncatedBefore: bigint;
  /** Keys that were ever indexed, in order. */
  readonly keys: readonly string[];
  /** Indexed versions of a key, oldest first. */
  versions(key: string): readonly Version[];
  /** What a transaction wrote under a key. */
  at(txId: bigint, key: string): Version | undefined;
}

export type Question =
  | {
      readonly kind: "get";
      readonly key: string;
      readonly atTx: bigint;
      readonly atRevision: bigint;
      readonly sinceTx: bigint;
    }
  | { readonly kind: "getAll"; readonly keys: readonly string[] }
  | {
      readonly kind: "scan";
      readonly prefix: string;
      readonly seekKey: string;
      readonly endKey: string;
      readonly inclusiveSeek: boolean;
      readonly inclusiveEnd: boolean;
      readonly desc: boolean;
      readonly offset: number;
      readonly limit: number;
    }
  | {
      readonly kind: "history";
      readonly key: string;
      readonly offset: number;
      readonly limit: number;
      readonly desc: boolean;
    }
  | { readonly kind: "count"; readonly prefix: string };

export interface Answer {
  readonly text: string;
  /** Transactions whose values may have been read for it. */
  readonly read: readonly bigint[];
}

export const NOT_FOUND = "tbtree: key not found";
export const EXPIRED = "tbtree: key not found: expired entry";
const TRUNCATED = "value has been truncated";
const SINCE_FUTURE = "illegal arguments: SinceTx must not be greater than the current transaction ID";

export function answerOf(question: Question, view: View): Answer {
  switch (question.kind) {
    case "get":
      return get(question, view);
    case "getAll":
      return list(question.keys, view, 0, 0);
    case "scan":
      return scan(question, view);
    case "history":
      return history(question, view);
    case "count": {
      const keys = view.keys.filter((key) => key.startsWith(question.prefix));
      return { text: `count ${keys.flatMap((key) => currentValue(key, view)).length}`, read: [] };
    }
  }
}

/** Why a version cannot be read now. */
export function unreadable(version: Version | undefined, now: bigint): string | undefined {
  if (version === undefined || version.deleted) return NOT_FOUND;
  return isExpired(version, now) ? EXPIRED : undefined;
}

/** How an entry that was answered reads. */
export function entryText({ key, value, tx, revision, metadata, expired }: Entry): string {
  const version = {
    txId: tx,
    value: utf8ToString(value),
    deleted: metadata?.deleted ?? false,
    expiresAt: metadata?.expiresAt,
    nonIndexable: metadata?.nonIndexable ?? false,
  };
  return textOf(utf8ToString(key), version, revision, expired);
}

interface Shown {
  readonly key: string;
  readonly version: Version;
  readonly revision: bigint;
}

function get({ key, atTx, atRevision, sinceTx }: Question & { kind: "get" }, view: View): Answer {
  if (atTx !== 0n) {
    if (atTx > view.last) return refusal("tx not found");
    return shown({ key, version: view.at(atTx, key), revision: 0n }, view, [atTx]);
  }
  if (sinceTx > view.last) return refusal(SINCE_FUTURE);
  const versions = view.versions(key);
  const latest = BigInt(versions.length);
  if (latest === 0n) return refusal(NOT_FOUND);
  const revision = atRevision > 0n ? atRevision : latest + atRevision;
  if (revision < 1n || revision > latest) return refusal("invalid key revision number");
  const version = versions[Number(revision) - 1] as Version;
  return shown({ key, version, revision }, view, [version.txId]);
}

function scan(question: Question & { kind: "scan" }, view: View): Answer {
  const { prefix, desc, seekKey, endKey, inclusiveSeek, inclusiveEnd, offset, limit } = question;
  const after = (key: string, bound: string, inclusive: boolean): boolean =>
    bound === "" || (desc ? key < bound : key > bound) || (inclusive && key === bound);
  const before = (key: string, bound: string, inclusive: boolean): boolean =>
    bound === "" || (desc ? key > bound : key < bound) || (inclusive && key === bound);
  const keys = desc ? view.keys.toReversed() : view.keys;
  const found = keys.filter(
    (key) => key.startsWith(prefix) && after(key, seekKey, inclusiveSeek) && before(key, endKey, inclusiveEnd),
  );
  return list(found, view, offset, limit);
}

function history({ key, offset, limit, desc }: Question & { kind: "history" }, view: View): Answer {
  const versions = view.versions(key);
  if (versions.length === 0) return refusal(NOT_FOUND);
  if (offset === versions.length) return refusal("tbtree: no more entries");
  const all = versions.map((version, i) => ({ key, version, revision: BigInt(i + 1) }));
  const wanted = (desc ? all.reverse() : all).slice(offset, limit === 0 ? undefined : offset + limit);
  const rows = wanted.map(({ version, revision }) => {
    const expired = isExpired(version, view.now) || isTruncated(version, view);
    return textOf(key, expired || version.deleted ? { ...version, value: "" } : version, revision, expired);
  });
  return { text: `[${rows.join(" ")}]`, read: txsOf(wanted) };
}

/** The value that a key has now, if it has one. */
function currentValue(key: string, view: View): Shown[] {
  const versions = view.versions(key);
  const version = versions.at(-1);
  if (version === undefined || unreadable(version, view.now) !== undefined || isTruncated(version, view)) return [];
  return [{ key, version, revision: BigInt(versions.length) }];
}

function shown(
  { key, version, revision }: { key: string; version: Version | undefined; revision: bigint },
  view: View,
  read: readonly bigint[],
): Answer {
  const reason = unreadable(version, view.now) ?? (version && isTruncated(version, view) ? TRUNCATED : undefined);
  const text = reason === undefined ? textOf(key, version as Version, revision, false) : `refused: ${reason}`;
  return { text, read };
}

/** Lists leave out what has no value; whether that is so may take reading it. */
function list(keys: readonly string[], view: View, offset: number, limit: number): Answer {
  const values = keys.flatMap((key) => currentValue(key, view));
  const rows = values.slice(offset, limit === 0 ? undefined : offset + limit);
  const texts = rows.map(({ key, version, revision }) => textOf(key, version, revision, false));
  return { text: `[${texts.join(" ")}]`, read: keys.flatMap((key) => view.versions(key).at(-1)?.txId ?? []) };
}

function refusal(text: string): Answer {
  return { text: `refused: ${text}`, read: [] };
}

function txsOf(rows: readonly Shown[]): bigint[] {
  return rows.map(({ version }) => version.txId);
}

/** A deletion has no value that could be. */
function isTruncated({ txId, deleted }: Version, { truncatedBefore }: View): boolean {
  return txId < truncatedBefore && !deleted;
}

function isExpired({ expiresAt }: Version, now: bigint): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

function textOf(key: string, version: Version, revision: bigint, expired: boolean): string {
  const { txId, value, deleted, expiresAt, nonIndexable } = version;
  const marks = [
    deleted && "deleted",
    expiresAt !== undefined && `expires ${expiresAt}`,
    nonIndexable && "non-indexable",
    expired && "expired",
  ].filter((mark) => mark !== false);
  return `${key}=${value}@${txId}r${revision}${marks.length > 0 ? `(${marks.join()})` : ""}`;
}
