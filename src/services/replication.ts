// Transactions out and in, whole: what a replica asks its primary for, and what a backup reads and restores. A transaction is
// one frame (wire spec §11) that holds the blob of proof/exported-tx.ts.
//
// The first chunk of an export says how far the primary is, and how far the replica may commit; exportTx repeats that in its
// trailers. An export to a replica for which there was nothing in time is a frame without a payload.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { encodeBinaryHeader } from "@connectrpc/connect";
import type { ExportTxRequest, ReplicaState as WireReplicaState } from "../../gen/immudb/schema/replication_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Chunk, ChunkSchema } from "../../gen/immudb/schema/stream_pb.ts";
import { u64 } from "../base/bytes.ts";
import { EXPORTED_TX_BYTES_MAX, REPLICATED_BYTES_MAX, STREAM_CHUNK_BYTES } from "../base/limits.ts";
import { DatabaseError } from "../database/errors.ts";
import type { ExportRequest, ReplicaState, TxExport } from "../database/replication.ts";
import { EMPTY_ALH } from "../proof/tx-header.ts";
import { frameChunks } from "../wire/frame-chunks.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { digestFromWire } from "../wire/parts.ts";
import { txHeaderToWire } from "../wire/tx-header.ts";
import { databaseOf } from "./call.ts";
import { ServiceError } from "./errors.ts";
import type { Handlers } from "./handlers.ts";
import { WRITTEN } from "./kv.ts";

const UUID_LENGTH_MAX = 64;

type Chunks = AsyncGenerator<MessageInitShape<typeof ChunkSchema>, void, undefined>;

export function replicationHandlers(): Handlers<typeof ImmuService> {
  const arriving = new ArrivingBytes();
  return {
    exportTx: async function* (message, ctx): Chunks {
      const answer = await databaseOf(ctx).exportTx(exportFromWire(message), ctx.signal);
      if (answer.mayCommit !== undefined)
        for (const [name, value] of Object.entries(metadataOf(answer))) ctx.trailer?.(name, encodeBinaryHeader(value));
      yield* chunksOf(answer);
    },
    streamExportTx: async function* (messages, ctx): Chunks {
      let isEmpty = true;
      for await (const message of messages) {
        isEmpty = false;
        // Requests are sent ahead of answers, and what a replica has to tell it tells by other calls.
        yield* chunksOf(await databaseOf(ctx).exportTx({ ...exportFromWire(message), waits: true }, ctx.signal));
      }
      if (isEmpty) throw new ServiceError("stream_empty", "the stream ended without a request");
    },
    replicateTx: async (messages, ctx) => {
      const database = databaseOf(ctx);
      database.requireReplica();
      const { header, alreadyPresent } = await arriving.whole(messages, (blob) =>
        database.replicateTx(blob, { signal: ctx.signal }),
      );
      // Whoever sends it again must not take it for a new one.
      if (alreadyPresent) throw new ServiceError("tx_already_committed", `transaction ${header.id} is here`);
      return txHeaderToWire(header, WRITTEN);
    },
  };
}

function chunksOf(answer: TxExport): Chunks {
  return chunks(answer.blob?.length ?? 0, answer.blob?.pieces() ?? [], metadataOf(answer));
}

async function* chunks(length: number, pieces: Iterable<Uint8Array>, metadata: Record<string, Uint8Array>): Chunks {
  let isFirst = true;
  for (const content of frameChunks(length, pieces, STREAM_CHUNK_BYTES)) {
    yield isFirst ? { content, metadata } : { content };
    isFirst = false;
  }
}

function metadataOf({ committedTxId, mayCommit }: TxExport): Record<string, Uint8Array> {
  return {
    "committed-txid-bin": u64(committedTxId),
    ...(mayCommit !== undefined && {
      "may-commit-up-to-txid-bin": u64(mayCommit.txId),
      "may-commit-up-to-alh-bin": mayCommit.alh,
    }),
  };
}

function exportFromWire(message: ExportTxRequest): ExportRequest {
  const { tx, allowPreCommitted: allowPrecommitted, skipIntegrityCheck, replicaState } = message;
  return { tx, allowPrecommitted, skipIntegrityCheck, replica: replicaState && replicaFromWire(replicaState) };
}

function replicaFromWire(state: WireReplicaState): ReplicaState {
  const { UUID: uuid, committedTxID, committedAlh, precommittedTxID, precommittedAlh } = state;
  if (uuid.length === 0 || uuid.length > UUID_LENGTH_MAX) {
    const text = `the UUID of a replica has 1 to ${UUID_LENGTH_MAX} characters`;
    throw new DatabaseError("illegal_argument", text, { text });
  }
  return {
    uuid,
    committed: { txId: committedTxID, alh: alhFromWire(committedTxID, committedAlh, "committedAlh") },
    precommitted: { txId: precommittedTxID, alh: alhFromWire(precommittedTxID, precommittedAlh, "precommittedAlh") },
  };
}

/** Whoever has nothing may say so with any hash, or none. */
function alhFromWire(txId: bigint, alh: Uint8Array, part: string): Uint8Array {
  return txId === 0n ? EMPTY_ALH : digestFromWire(alh, part);
}

/** Transactions on their way in: each is in memory as a whole, so they share one bound. */
class ArrivingBytes {
  #bytes = 0;

  /** Runs something on the one frame that a stream must carry. */
  async whole<T>(messages: AsyncIterable<Chunk>, run: (blob: Uint8Array) => Promise<T>): Promise<T> {
    await using frames = new FrameReader(contents(messages));
    const length = (await frames.next()) ?? 0;
    if (length > EXPORTED_TX_BYTES_MAX) {
      const data = { limit: EXPORTED_TX_BYTES_MAX };
      throw new ServiceError("exported_tx_too_long", "the exported transaction is too long", data);
    }
    if (this.#bytes + length > REPLICATED_BYTES_MAX) {
      const data = { limit: REPLICATED_BYTES_MAX };
      throw new ServiceError("replication_busy", "too much is being replicated", data);
    }
    this.#bytes += length;
    try {
      const blob = await frames.whole();
      if ((await frames.next()) !== undefined)
        throw new ServiceError("exported_tx_not_alone", "something follows the exported transaction");
      return await run(blob);
    } finally {
      this.#bytes -= length;
    }
  }
}

async function* contents(messages: AsyncIterable<Chunk>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { content } of messages) yield content;
}
