// Reads that are answered by chunks: what the others answer in one message, as frames (wire spec §11). The entries are found
// at once, in the state of that moment; their values follow one after another, as fast as the caller takes them.
//
//   streamGet, streamScan, streamHistory   key | value | key | value | …
//   streamZScan                            set | key | score (f64) | atTx (u64) | value | …
//   streamVerifiableGet                    Entry without its value | VerifiableTx | InclusionProof | value
//
// A long value is read twice. The first time all of it is compared with its digest, before any of it is sent; the second time,
// piece by piece, with what was compared then. So whatever bytes a caller gets are those that the proof is about, and a value
// that is damaged is never begun.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { EntrySchema } from "../../gen/immudb/schema/kv_pb.ts";
import { InclusionProofSchema, VerifiableTxSchema } from "../../gen/immudb/schema/proof_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { ChunkSchema } from "../../gen/immudb/schema/stream_pb.ts";
import { EMPTY, u64, viewOf } from "../base/bytes.ts";
import { STREAM_CHUNK_BYTES } from "../base/limits.ts";
import type { Streamed } from "../database/streamed-reads.ts";
import type { Entry, ZEntry } from "../proof/model.ts";
import { encoderOf } from "../wire/codec/encoder.ts";
import { entryToWire } from "../wire/entries.ts";
import { frameChunks } from "../wire/frame-chunks.ts";
import { inclusionProofToWire } from "../wire/proofs.ts";
import { verifiableTxToWire } from "../wire/verifiable.ts";
import { type CallContext, databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import { getFromWire, historyFromWire, scanFromWire, verifiableGetFromWire, zScanFromWire } from "./requests.ts";
import { type SignState, signed } from "./verifiable.ts";

type Chunks = AsyncGenerator<MessageInitShape<typeof ChunkSchema>, void, undefined>;

const encodeEntry = encoderOf(EntrySchema);
const encodeVerifiableTx = encoderOf(VerifiableTxSchema);
const encodeInclusionProof = encoderOf(InclusionProofSchema);

export function streamedReadHandlers(sign: SignState): Handlers<typeof ImmuService> {
  return {
    streamGet: (message, ctx) => entries(() => [databaseOf(ctx).streamed().get(getFromWire(message))], ctx),
    streamScan: (message, ctx) => entries(() => databaseOf(ctx).streamed().scan(scanFromWire(message)), ctx),
    streamHistory: (message, ctx) => entries(() => databaseOf(ctx).streamed().history(historyFromWire(message)), ctx),
    streamZScan: (message, ctx) => members(() => databaseOf(ctx).streamed().zScan(zScanFromWire(message)), ctx),
    streamVerifiableGet: async function* (message, ctx): Chunks {
      const database = databaseOf(ctx);
      const { found, value } = database.streamed().verifiableGet(verifiableGetFromWire(message));
      const verifiableTx = signed(sign, found.verifiableTx, database.name);
      yield* framed(encodeEntry(entryHead(found.entry)));
      yield* framed(encodeVerifiableTx(verifiableTxToWire(verifiableTx, message.proveSinceTx)));
      yield* framed(encodeInclusionProof(inclusionProofToWire(found.inclusionProof)));
      yield* valueChunks(value(), ctx);
    },
  };
}

async function* entries(find: () => readonly Streamed<Entry>[], ctx: CallContext): Chunks {
  for (const { found, value } of find()) {
    yield* framed(found.key);
    yield* valueChunks(value(), ctx);
  }
}

async function* members(find: () => readonly Streamed<ZEntry>[], ctx: CallContext): Chunks {
  for (const { found, value } of find()) {
    yield* framed(found.set);
    yield* framed(found.key);
    yield* framed(f64(found.score));
    yield* framed(u64(found.atTx));
    yield* valueChunks(value(), ctx);
  }
}

async function* valueChunks(value: ReturnType<Streamed<unknown>["value"]>, ctx: CallContext): Chunks {
  if (value instanceof Uint8Array) {
    yield* framed(value);
    return;
  }
  await value.check(ctx.signal);
  for (const content of frameChunks(value.length, value.pieces(), STREAM_CHUNK_BYTES)) yield { content };
}

function* framed(payload: Uint8Array): Generator<MessageInitShape<typeof ChunkSchema>, void, undefined> {
  for (const content of frameChunks(payload.length, [payload], STREAM_CHUNK_BYTES)) yield { content };
}

/** What goes before the value: with metadata, without which an entry that has some cannot be verified. */
function entryHead(entry: Entry): MessageInitShape<typeof EntrySchema> {
  return entryToWire({ ...entry, value: EMPTY, expired: false, revision: 0n });
}

function f64(score: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setFloat64(0, score);
  return bytes;
}
