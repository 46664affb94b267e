// A primary's side of replication: hands out one transaction, learns how far a replica has come, and tells it how far it may
// commit.
//
//   request ─▶ same history? ─▶ acknowledgement ─▶ wait: the transaction, or news about committing ─▶ answer
//              replica_…_diverged                  EXPORT_WAIT_MS at most

import { equalBytes } from "../base/bytes.ts";
import { EXPORT_WAIT_MS } from "../base/limits.ts";
import { encodeExportedTx, exportedTxLength } from "../proof/exported-tx.ts";
import { EMPTY_ALH } from "../proof/tx-header.ts";
import type { StorePoint } from "../store/commit-state.ts";
import { txToExport } from "../store/export.ts";
import type { Store } from "../store/store.ts";
import { DatabaseError } from "./errors.ts";
import type { ReplicaAcks } from "./replica-acks.ts";
import type { ExportedBlob, ExportRequest, ReplicaState, TxExport } from "./replication.ts";

const NEVER: AbortSignal = new AbortController().signal;

/**
 * `acks`: who counts acknowledgements, on a primary with synchronous replication. The next committed transaction is waited
 * for, for a while; one that is not committed, and later ones, only when asked to, or by a replica that says how far it is.
 * Throws `illegal_arguments`, `no_new_transactions`, `replica_commit_diverged`, `replica_precommit_diverged`, `replicas_max`.
 */
export async function exportTx(
  store: Store,
  acks: ReplicaAcks | undefined,
  request: ExportRequest,
  signal: AbortSignal | undefined,
): Promise<TxExport> {
  const { tx, allowPrecommitted, skipIntegrityCheck, replica, waits = false } = request;
  if (tx === 0n) throw new DatabaseError("illegal_arguments", "transaction ids count from 1");
  if (replica !== undefined) {
    requireSameHistory(store, replica);
    if (acks !== undefined) store.acknowledge(acks.report(replica.uuid, replica.precommitted.txId));
  }
  const last = (): bigint => (allowPrecommitted ? store.precommitted : store.committed).txId;
  const hasNews = (): boolean => tx <= last() || (replica !== undefined && mayCommitMore(store, replica));
  // By itself, what is not committed is a look ahead of a replica: waiting would keep back what it has to tell.
  const isAwaited = waits || replica !== undefined || (!allowPrecommitted && tx === last() + 1n);
  if (isAwaited) await store.waitFor(hasNews, EXPORT_WAIT_MS, signal);
  const isThere = tx <= last();
  if (!isThere && replica === undefined)
    throw new DatabaseError("no_new_transactions", `transaction ${tx} is not there yet`, { tx });
  return {
    blob: isThere ? await exportedBlob(store, tx, skipIntegrityCheck, signal) : undefined,
    committedTxId: store.committed.txId,
    mayCommit: replica && mayCommit(store, replica),
  };
}

async function exportedBlob(
  store: Store,
  txId: bigint,
  unchecked: boolean,
  signal: AbortSignal | undefined,
): Promise<ExportedBlob> {
  const tx = txToExport(store.log, txId, unchecked);
  await tx.check(signal ?? NEVER);
  return { length: exportedTxLength(tx), pieces: () => encodeExportedTx(tx) };
}

/** A replica commits what is committed here, as far as it has it. */
function mayCommit(store: Store, { precommitted }: ReplicaState): StorePoint {
  const { committed } = store;
  if (committed.txId <= precommitted.txId) return committed;
  return { txId: precommitted.txId, alh: alhAt(store, precommitted.txId) };
}

function mayCommitMore(store: Store, { committed, precommitted }: ReplicaState): boolean {
  return precommitted.txId > committed.txId && store.committed.txId > committed.txId;
}

/** Whoever has what is not here, or something else under the same id, has another history. */
function requireSameHistory(store: Store, { uuid, committed, precommitted }: ReplicaState): void {
  if (!isPartOf(store, committed, store.committed.txId)) {
    const data = { uuid, txId: committed.txId, latest: store.committed.txId };
    throw new DatabaseError("replica_commit_diverged", "the replica has committed another history", data);
  }
  if (precommitted.txId < committed.txId || !isPartOf(store, precommitted, store.precommitted.txId)) {
    const data = { uuid, txId: precommitted.txId, latest: store.precommitted.txId };
    throw new DatabaseError("replica_precommit_diverged", "the replica has precommitted another history", data);
  }
}

function isPartOf(store: Store, { txId, alh }: StorePoint, last: bigint): boolean {
  return txId <= last && (txId === 0n || equalBytes(alh, alhAt(store, txId)));
}

/** Alh of a durable transaction, and of the empty history. */
export function alhAt(store: Store, txId: bigint): Uint8Array {
  return txId === 0n ? EMPTY_ALH : store.log.alh(txId);
}
