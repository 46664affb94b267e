// A replica's side of replication: takes in what its primary has, commits it when it is told to, and takes back what it was
// never told to commit.

import { equalBytes } from "../base/bytes.ts";
import type { StorePoint } from "../store/commit-state.ts";
import { StoreError } from "../store/errors.ts";
import type { Store } from "../store/store.ts";
import { alhAt } from "./export.ts";
import type { Replicated, ReplicateOptions } from "./replication.ts";
import type { ReplicationSettings } from "./replication-settings.ts";

/** Takes in an exported transaction. Throws what Store.adopt() throws. */
export async function replicateTx(
  store: Store,
  settings: ReplicationSettings,
  blob: Uint8Array,
  options: ReplicateOptions,
): Promise<Replicated> {
  const { skipIntegrityCheck = settings.skipIntegrityCheck, waitForIndexing = settings.waitForIndexing } = options;
  const replicated = await store.adopt(blob, skipIntegrityCheck, options.signal);
  if (waitForIndexing && replicated.header.id <= store.committed.txId) await store.indexSettled();
  return replicated;
}

/** Commits what is precommitted here up to a point of the primary's history. Throws `illegal_state`, `tx_diverged`. */
export async function commitUpTo(
  store: Store,
  { waitForIndexing }: ReplicationSettings,
  to: StorePoint,
): Promise<void> {
  const { txId, alh } = to;
  if (txId > store.precommitted.txId)
    throw new StoreError("illegal_state", `transaction ${txId} is not here to be committed`, { txId });
  if (!equalBytes(alh, alhAt(store, txId)))
    throw new StoreError("tx_diverged", `another transaction ${txId} is here`, { txId });
  if (txId <= store.committed.txId) return;
  await store.commitUpTo(txId);
  if (waitForIndexing) await store.indexSettled();
}

/** Takes back what is precommitted. Resolves with how many transactions that were. */
export async function discardPrecommitted(store: Store): Promise<bigint> {
  const { committed, precommitted } = store;
  await store.discardAfter(committed.txId);
  return precommitted.txId - committed.txId;
}
