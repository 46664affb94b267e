// What a primary and a replica have to say to each other, free of protobuf.

import type { TxHeader } from "../proof/model.ts";
import type { StorePoint } from "../store/commit-state.ts";

/** How far a replica has come, as it tells its primary with every request. */
export interface ReplicaState {
  /** Identity of the replica's server: acknowledgements are counted by it. */
  readonly uuid: string;
  readonly committed: StorePoint;
  /** What is on its disk: the acknowledgement. */
  readonly precommitted: StorePoint;
}

export interface ExportRequest {
  readonly tx: bigint;
  /** Also what is durable here and not committed. */
  readonly allowPrecommitted: boolean;
  /** Leaves the root of the entries out, unchecked. */
  readonly skipIntegrityCheck: boolean;
  readonly replica: ReplicaState | undefined;
  /** Whether it is waited for, for a while, also by one who does not say how far he is. Default: only the next committed one is. */
  readonly waits?: boolean;
}

/** A transaction as proof/exported-tx.ts draws it. */
export interface ExportedBlob {
  /** Bytes of all pieces. */
  readonly length: number;
  /** At most 1 MiB of a value in memory at a time. Throws `value_truncated` when values were truncated since; then it can be asked for again. */
  readonly pieces: () => Iterable<Uint8Array>;
}

export interface TxExport {
  /** undefined: the transaction did not come in time. Only for a replica, which has news in mayCommit, or asks again. */
  readonly blob: ExportedBlob | undefined;
  /** The last transaction that is committed here. */
  readonly committedTxId: bigint;
  /** For a replica: how far it may commit what it has. */
  readonly mayCommit: StorePoint | undefined;
}

/** What is absent is as the database's replication settings say. */
export interface ReplicateOptions {
  readonly skipIntegrityCheck?: boolean | undefined;
  /** Resolve when the index has it, too, if it is committed. */
  readonly waitForIndexing?: boolean | undefined;
  /** Ends the waiting for transactions before this one. */
  readonly signal?: AbortSignal | undefined;
}

/** A transaction of the primary that is here now. */
export interface Replicated {
  readonly header: TxHeader;
  /** The very same one was here before. */
  readonly alreadyPresent: boolean;
}
