// Reads by transaction: txById, txScan, in the forms that an entries specification asks for.

import { RESULT_ROWS_MAX } from "../base/limits.ts";
import {
  decodeSortedSetKey,
  KEY_PREFIX_DOCUMENT,
  KEY_PREFIX_PLAIN,
  KEY_PREFIX_SORTED_SET,
  KEY_PREFIX_SQL,
} from "../proof/keys.ts";
import type { Entry, Tx, TxEntry, TxHeader, ZEntry } from "../proof/model.ts";
import type { EntryList } from "../store/entry-list.ts";
import { StoreError } from "../store/errors.ts";
import { isExpired } from "../store/readable.ts";
import type { Store } from "../store/store.ts";
import { entryAtTx, entryOfTx, latestEntry, unreadEntry } from "./entries.ts";
import { DatabaseError } from "./errors.ts";
import { readable, requireRows, requireSince } from "./read.ts";
import type { EntriesSpec, EntryAction, TxRequest, TxScanRequest } from "./requests.ts";

type Form = Pick<TxRequest, "entriesSpec" | "keepReferencesUnresolved">;

export function txById(store: Store, request: TxRequest, now: bigint): Tx {
  if (request.tx === 0n) throw new DatabaseError("illegal_arguments", "transaction ids count from 1");
  requireSince(store, request.sinceTx);
  return readTx(store, request.tx, request, now);
}

/** Transactions from `initialTx` on, or backwards when `desc`; none when it lies beyond the end. */
export function txScan(store: Store, request: TxScanRequest, now: bigint): Tx[] {
  if (request.initialTx === 0n) throw new DatabaseError("illegal_arguments", "transaction ids count from 1");
  requireRows(request.limit);
  requireSince(store, request.sinceTx);
  const form: Form = { entriesSpec: request.entriesSpec, keepReferencesUnresolved: false };
  const step = request.desc ? -1n : 1n;
  const limit = request.limit || RESULT_ROWS_MAX;
  const txs: Tx[] = [];
  for (let txId = request.initialTx; txId >= 1n && txId <= store.committed.txId && txs.length < limit; txId += step) {
    txs.push(readTx(store, txId, form, now));
  }
  return txs;
}

/** Header and entries of a transaction that readers may see. Throws `tx_not_found`. */
export function committedTx(store: Store, txId: bigint): { readonly header: TxHeader; readonly list: EntryList } {
  if (txId > store.committed.txId) throw new StoreError("tx_not_found", `transaction ${txId} not found`, { txId });
  const record = store.log.checkedRecord(txId);
  return { header: record.header, list: store.log.list(txId, record) };
}

/** A transaction that is answered with the digests of all its entries. */
export function listedTx(header: TxHeader, list: EntryList): Tx {
  let entries: readonly TxEntry[] | undefined;
  return {
    header,
    entriesOnWire: list.onWire,
    get entries() {
      entries ??= list.entries();
      return entries;
    },
  };
}

function readTx(store: Store, txId: bigint, form: Form, now: bigint): Tx {
  const { header, list } = committedTx(store, txId);
  const { entriesSpec, keepReferencesUnresolved: keep } = form;
  if (entriesSpec === undefined) return listedTx(header, list);
  const entries: TxEntry[] = [];
  const kvEntries: Entry[] = [];
  const zEntries: ZEntry[] = [];
  list.entries().forEach((entry, i) => {
    switch (actionOf(entry.key[0], entriesSpec)) {
      case "exclude":
        return;
      case "only_digest":
        entries.push(entry);
        return;
      case "raw_value":
        // A value that has expired is given to nobody.
        if (!isExpired(entry.metadata, now)) entries.push({ ...entry, value: store.log.value(txId, i) });
        return;
      case "resolve":
        if (entry.key[0] === KEY_PREFIX_SORTED_SET) zEntries.push(...resolvedMember(store, entry, keep, now));
        else kvEntries.push(...readable(() => entryOfTx(store, txId, entry, store.log.value(txId, i), keep, now)));
    }
  });
  return { header, entries, kvEntries, zEntries };
}

/** What the specification says of an entry. Documents are never listed under one; rows have no resolved form. */
function actionOf(prefix: number | undefined, spec: EntriesSpec): EntryAction {
  switch (prefix) {
    case KEY_PREFIX_PLAIN:
      return spec.kv ?? "exclude";
    case KEY_PREFIX_SORTED_SET:
      return spec.z ?? "exclude";
    case KEY_PREFIX_SQL:
      if (spec.sql === "resolve") throw new DatabaseError("illegal_arguments", "rows have no resolved form");
      return spec.sql ?? "exclude";
    case KEY_PREFIX_DOCUMENT:
      return "exclude";
    default:
      throw new StoreError("damaged", "data is damaged: an entry's key has an unknown prefix", { what: "entry" });
  }
}

function resolvedMember(store: Store, entry: TxEntry, keepReferences: boolean, now: bigint): ZEntry[] {
  const { set, score, key, atTx } = decodeSortedSetKey(entry.key);
  const read = (): Entry => {
    if (keepReferences) return unreadEntry(key, atTx);
    return atTx === 0n ? latestEntry(store, key, now) : entryAtTx(store, key, atTx, now);
  };
  return readable(read).map((target) => ({ set, key, entry: target, score, atTx }));
}
