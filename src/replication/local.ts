// The replica's own side: each step is a call of the database, which is opened for it if need be and may be closed between.

import type { TxPoint } from "../client/errors.ts";
import type { DatabaseManager } from "../database/manager.ts";

/** What a replica does to its own database. */
export interface LocalReplica {
  readonly name: string;
  /** Identity of the server that the replica is on. */
  readonly uuid: string;
  state(): Promise<LocalState>;
  /** A transaction that is on disk. */
  pointAt(txId: bigint): Promise<TxPoint>;
  /** Resolves when the transaction is on disk. Call it for one after the other without waiting: they share syncs. */
  apply(blob: Uint8Array): Promise<void>;
  /** Of a synchronous replica: what is written up to there may be seen. */
  commitUpTo(point: TxPoint): Promise<void>;
  /** Takes back what is written and not committed; resolves with how many transactions that were. */
  discardPrecommitted(): Promise<bigint>;
}

export interface LocalState {
  readonly committed: TxPoint;
  /** The last transaction on disk. */
  readonly precommitted: TxPoint;
}

export function localReplica(databases: DatabaseManager, name: string): LocalReplica {
  return {
    name,
    uuid: databases.serverUuid,
    state: () =>
      databases.use(name, (database) => {
        const { txId, txHash, precommittedTxId, precommittedTxHash } = database.state();
        return {
          committed: { txId, txHash },
          precommitted: { txId: precommittedTxId, txHash: precommittedTxHash },
        };
      }),
    pointAt: (txId) =>
      databases.use(name, (database) => {
        const { alh: txHash } = database.pointAt(txId);
        return { txId, txHash };
      }),
    apply: (blob) => databases.use(name, async (database) => void (await database.replicateTx(blob))),
    commitUpTo: ({ txId, txHash }) => databases.use(name, (database) => database.commitUpTo({ txId, alh: txHash })),
    discardPrecommitted: () => databases.use(name, (database) => database.discardPrecommitted()),
  };
}
