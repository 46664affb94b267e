// Copies one database up to a transaction: what a replica does, without following any further. Each transaction is stored as
// it is, and the hash that it then has (Alh, which stands for all before it) is compared with the source's.

import { equalBytes, toHex } from "../base/bytes.ts";
import { REPLICATION_BYTES_AHEAD_MAX, REPLICATION_PREFETCH_DEFAULT } from "../base/limits.ts";
import type { TxPoint } from "../client/errors.ts";
import { decodeExportedTx } from "../proof/exported-tx.ts";
import type { TxHeader } from "../proof/model.ts";
import { alh } from "../proof/tx-header.ts";
import { ReplicationError } from "./errors.ts";
import { FetchWindow } from "./fetch-window.ts";
import type { Primary } from "./primary.ts";
import { requireSameHistory } from "./same-history.ts";

/** Where a copy goes. */
export interface CopyTarget {
  /** The last transaction that is there. */
  state(): Promise<TxPoint>;
  /** Stores the next transaction; resolves, when it is on disk, with its header as it is stored. */
  apply(blob: Uint8Array): Promise<TxHeader>;
}

export interface CopyOptions {
  readonly source: Primary;
  readonly target: CopyTarget;
  /** The last transaction to copy, as the source tells it. */
  readonly upTo: TxPoint;
  readonly onProgress: (txId: bigint) => void;
  readonly signal: AbortSignal;
}

/**
 * Resolves with how many transactions were copied; what was there already is not copied again. Throws ReplicationError
 * `commit_diverged` when the target is not a beginning of the source, `copy_differs` when a hash is not the source's, and what
 * source and target throw.
 */
export async function copyDatabase({ source, target, upTo, onProgress, signal }: CopyOptions): Promise<bigint> {
  const start = await target.state();
  if (start.txId > upTo.txId) {
    throw new ReplicationError(
      "commit_diverged",
      `the source ends with transaction ${upTo.txId}, and the target has ${start.txId}`,
      { txId: start.txId },
    );
  }
  await requireSameHistory(source, { committed: start, precommitted: start }, false, signal);
  using window = new FetchWindow({
    primary: source,
    from: start.txId + 1n,
    ahead: REPLICATION_PREFETCH_DEFAULT,
    bytesMax: REPLICATION_BYTES_AHEAD_MAX,
    allowPrecommitted: false,
    skipIntegrityCheck: false,
  });
  window.learn(upTo.txId);
  const storing = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  try {
    while (window.next <= upTo.txId && failure === undefined) {
      signal.throwIfAborted();
      window.fill();
      if (!window.isAsked) window.ask(undefined);
      const { txId, answer, bytes } = await window.take();
      const { blob } = answer;
      if (blob === undefined) throw differs(txId, "the source does not give it");
      const stored = store(target, txId, blob).then(
        () => {
          window.release(bytes);
          onProgress(txId);
        },
        (error: unknown) => {
          failure ??= { error };
        },
      );
      storing.add(stored);
      void stored.then(() => storing.delete(stored));
      while (storing.size >= REPLICATION_PREFETCH_DEFAULT) await Promise.race(storing);
    }
  } finally {
    await Promise.all(storing);
  }
  if (failure !== undefined) throw failure.error;
  await requireEnd(target, upTo);
  return upTo.txId - start.txId;
}

async function store(target: CopyTarget, txId: bigint, blob: Uint8Array): Promise<void> {
  const expected = alh(decodeExportedTx(blob).header);
  const header = await target.apply(blob);
  if (header.id === txId && equalBytes(alh(header), expected)) return;
  throw differs(txId, `its hash is ${toHex(alh(header))} instead of ${toHex(expected)}`);
}

async function requireEnd(target: CopyTarget, upTo: TxPoint): Promise<void> {
  const end = await target.state();
  if (end.txId === upTo.txId && equalBytes(end.txHash, upTo.txHash)) return;
  throw differs(upTo.txId, "the target does not end with the hash that the source says");
}

function differs(txId: bigint, why: string): ReplicationError {
  return new ReplicationError("copy_differs", `transaction ${txId} was not copied as it is: ${why}`, { txId });
}
