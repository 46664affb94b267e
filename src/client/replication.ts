// Transactions as they travel from a primary to a replica: one message, `u64 length | bytes`, cut into chunks wherever the
// sender likes (spec: chunk borders mean nothing). The first chunk of an export says what the primary has and allows.

import { type CallOptions, type Client, ConnectError } from "@connectrpc/connect";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { concat, u64, viewOf } from "../base/bytes.ts";
import { EXPORTED_TX_BYTES_MAX, REPLICATION_SILENCE_MS } from "../base/limits.ts";
import type { TxHeader } from "../proof/model.ts";
import { txHeaderFromWire } from "../wire/tx-header.ts";
import { ClientError, type TxPoint } from "./errors.ts";

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
    if (exportRefusalOf(error) === "nothing_new")
      return { blob: undefined, committedTxId: undefined, mayCommit: undefined };
    throw silence.isTooLong
      ? new ClientError("server_silent", "the server has not said anything for too long", {})
      : error;
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

function requestToWire({ tx, allowPrecommitted, skipIntegrityCheck, replica }: ExportRequest) {
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

/** The message as it comes together. */
class ExportedMessage {
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  #metadata: Chunk["metadata"] = {};

  add({ content, metadata }: Chunk): void {
    if (Object.keys(metadata).length > 0) this.#metadata = metadata;
    this.#length += content.length;
    if (this.#length > EXPORTED_TX_BYTES_MAX + LENGTH_BYTES) throw malformed("is longer than any transaction");
    this.#parts.push(content);
  }

  answer(): ExportAnswer {
    const committed = this.#metadata["committed-txid-bin"];
    const mayCommitTx = this.#metadata["may-commit-up-to-txid-bin"];
    const mayCommitAlh = this.#metadata["may-commit-up-to-alh-bin"];
    return {
      blob: this.#blob(),
      committedTxId: committed && u64Of(committed),
      mayCommit: mayCommitTx && mayCommitAlh && { txId: u64Of(mayCommitTx), txHash: digestOf(mayCommitAlh) },
    };
  }

  #blob(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const whole = concat(...this.#parts);
    if (whole.length < LENGTH_BYTES) throw malformed("ends within its length");
    const length = u64Of(whole.subarray(0, LENGTH_BYTES));
    if (length !== BigInt(whole.length - LENGTH_BYTES)) throw malformed("does not have the length that it says");
    return length === 0n ? undefined : whole.subarray(LENGTH_BYTES);
  }
}

function u64Of(bytes: Uint8Array): bigint {
  if (bytes.length !== 8) throw malformed("says a number that has not 8 bytes");
  return viewOf(bytes).getBigUint64(0);
}

function digestOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32) throw malformed("says a hash that has not 32 bytes");
  return bytes;
}

function malformed(what: string): ClientError {
  return new ClientError("export_malformed", `an exported transaction ${what}`, {});
}

/** Ends a call when nothing is heard for too long, however long the whole of it may take. */
class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  isTooLong = false;

  /** Aborts together with this one, or when nothing was heard. */
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal | undefined) {
    const own = this.#controller.signal;
    this.signal = outer === undefined ? own : AbortSignal.any([outer, own]);
    this.begin();
  }

  begin(): void {
    this.#timer = setTimeout(() => {
      this.isTooLong = true;
      this.#controller.abort();
    }, REPLICATION_SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
