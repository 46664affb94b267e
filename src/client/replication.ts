// Transactions as they travel from a primary to a replica: one message, `u64 length | bytes`, cut into chunks wherever the
// sender likes (spec: chunk borders mean nothing). The first chunk of an export says what the primary has and allows.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, type Client, ConnectError } from "@connectrpc/connect";
import type { ExportTxRequestSchema } from "../../gen/immudb/schema/replication_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { concat, u64 } from "../base/bytes.ts";
import type { TxHeader } from "../proof/model.ts";
import { txHeaderFromWire } from "../wire/tx-header.ts";
import type { TxPoint } from "./errors.ts";
import { ExportedMessage } from "./exported-message.ts";
import { Silence } from "./silence.ts";

type Rpc = Client<typeof ImmuService>;

const LENGTH_BYTES = 8;
const SENT_CHUNK_BYTES: number = 64 * 1024;

/** What a replica has, as it tells its primary. */
export interface ReplicaPoint {
  /** Identity of the replica's server. */
  readonly uuid: string;
  readonly committed: TxPoint;
  readonly precommitted: TxPoint;
}

export interface ExportRequest {
  readonly tx: bigint;
  /** Also a transaction that the primary has written and not committed. */
  readonly allowPrecommitted: boolean;
  readonly skipIntegrityCheck: boolean;
  /** Given: the primary waits a while for the transaction, and takes this as an acknowledgement. */
  readonly replica: ReplicaPoint | undefined;
}

export interface ExportAnswer {
  /** The transaction; undefined when it is not there (yet). */
  readonly blob: Uint8Array | undefined;
  /** The last transaction that the primary has committed; undefined when it did not say. */
  readonly committedTxId: bigint | undefined;
  /** How far the replica may commit; only told to one that said what it has. */
  readonly mayCommit: TxPoint | undefined;
}

/** There is no such transaction (yet). */
export const NOTHING_NEW: ExportAnswer = { blob: undefined, committedTxId: undefined, mayCommit: undefined };

export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each piece that has come; what it returns is waited for before the next one is read. */
  readonly admit?: ((bytes: number) => Promise<void> | undefined) | undefined;
}

/**
 * Fetches one transaction. Throws ClientError `export_malformed` for what is no message, or one longer than
 * EXPORTED_TX_BYTES_MAX, and `server_silent` when nothing comes for REPLICATION_SILENCE_MS.
 */
export async function exportTx(
  rpc: Rpc,
  request: ExportRequest,
  headers: CallOptions["headers"],
  { signal, admit }: ExportOptions = {},
): Promise<ExportAnswer> {
  const silence = new Silence(signal);
  try {
    const message = new ExportedMessage();
    for await (const chunk of rpc.exportTx(requestToWire(request), {
      ...(headers && { headers }),
      signal: silence.signal,
    })) {
      silence.end();
      message.add(chunk);
      await admit?.(chunk.content.length);
      silence.begin();
    }
    return message.answer();
  } catch (error) {
    if (exportRefusalOf(error) === "nothing_new") return NOTHING_NEW;
    throw silence.isTooLong ? silence.error : error;
  } finally {
    silence.end();
  }
}

export type ExportRefusal =
  /** The transaction is not there yet. */
  | "nothing_new"
  /** What the replica has committed, or has written, is not what the primary has. */
  | "commit_diverged"
  | "precommit_diverged";

/** These texts are part of the contract. */
const REFUSALS: Readonly<Record<ExportRefusal, string>> = {
  nothing_new: "no new transactions",
  commit_diverged: "replica commit state diverged from primary",
  precommit_diverged: "replica precommit state diverged from primary",
};

/** What a primary means by refusing an export; undefined when it is something that any call can be refused with. */
export function exportRefusalOf(error: unknown): ExportRefusal | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const refusals = Object.keys(REFUSALS) as ExportRefusal[];
  return refusals.find((refusal) => error.rawMessage.includes(REFUSALS[refusal]));
}

/** Hands an exported transaction to a replica, which answers when it is on disk. */
export async function replicateTx(rpc: Rpc, blob: Uint8Array, call: CallOptions): Promise<TxHeader> {
  return txHeaderFromWire(await rpc.replicateTx(chunksOf(blob), call));
}

async function* chunksOf(blob: Uint8Array): AsyncGenerator<{ content: Uint8Array }> {
  // Servers are known that want the whole length in the first chunk.
  const first = blob.subarray(0, SENT_CHUNK_BYTES - LENGTH_BYTES);
  yield { content: concat(u64(BigInt(blob.length)), first) };
  for (let at = first.length; at < blob.length; at += SENT_CHUNK_BYTES) {
    yield { content: blob.subarray(at, at + SENT_CHUNK_BYTES) };
  }
}

/** A request as it is sent. */
export function requestToWire({
  tx,
  allowPrecommitted,
  skipIntegrityCheck,
  replica,
}: ExportRequest): MessageInitShape<typeof ExportTxRequestSchema> {
  return {
    tx,
    allowPreCommitted: allowPrecommitted,
    skipIntegrityCheck,
    ...(replica && {
      replicaState: {
        UUID: replica.uuid,
        committedTxID: replica.committed.txId,
        committedAlh: replica.committed.txHash,
        precommittedTxID: replica.precommitted.txId,
        precommittedAlh: replica.precommitted.txHash,
      },
    }),
  };
}
