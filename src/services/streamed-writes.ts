// Writes whose requests are streams of chunks: frames (wire spec §11) that are taken as they come. Long values go to the disk
// meanwhile; all of it becomes one transaction when the stream has ended, or nothing of it does.
//
//   streamSet             key | value | key | value | …
//   streamVerifiableSet   proveSinceTx (u64) | key | value | …
//   streamExecAll         01 | key | value | 02 | ZAddRequest | …
//
// Errors of the first two carry a lead in their text, and mostly code "unknown": clients of the original know them so.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ZAddRequestSchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { viewOf } from "../base/bytes.ts";
import { STREAMED_OPERATION_BYTES_MAX } from "../base/limits.ts";
import type { Database } from "../database/database.ts";
import { DatabaseError } from "../database/errors.ts";
import type { Received } from "../database/received.ts";
import type { KeyValue, Operation } from "../database/requests.ts";
import { StoreError } from "../store/errors.ts";
import { decoderOf } from "../wire/codec/decoder.ts";
import { WireError } from "../wire/errors.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { txHeaderToWire } from "../wire/tx-header.ts";
import { type CallContext, databaseOf } from "./call.ts";
import { withLead } from "./error-table.ts";
import { ServiceError } from "./errors.ts";
import type { Handlers } from "./handlers.ts";
import { WRITTEN } from "./kv.ts";
import { zAddFromWire } from "./requests.ts";
import { proven, type SignState } from "./verifiable.ts";

/** First frames of the operations of a batch. */
const KEY_VALUE = 1;
const MEMBER = 2;
const REFERENCE = 4;

const decodeZAdd = decoderOf(ZAddRequestSchema);

export function streamedWriteHandlers(sign: SignState): Handlers<typeof ImmuService> {
  return {
    streamSet: (messages, ctx) =>
      receiving(messages, ctx, (stream) =>
        withLead("StreamSet receives following error: ", async () =>
          txHeaderToWire(await stream.database.set(await setFromStream(stream)), WRITTEN),
        ),
      ),
    streamVerifiableSet: (messages, ctx) =>
      receiving(messages, ctx, (stream) =>
        withLead("StreamVerifiableSet received the following error: ", async () => {
          const proveSinceTx = await txIdFromStream(stream);
          const set = await setFromStream(stream);
          const answer = await stream.database.verifiableSet({ set, proveSinceTx });
          return proven(sign, answer, stream.database.name, proveSinceTx);
        }),
      ),
    streamExecAll: (messages, ctx) =>
      receiving(messages, ctx, async (stream) => {
        const operations = await operationsFromStream(stream);
        const request = { operations, preconditions: [], noWait: false, spool: stream.received.spool };
        return txHeaderToWire(await stream.database.execAll(request), WRITTEN);
      }),
  };
}

/** A request that is coming. */
interface Stream {
  readonly database: Database;
  readonly frames: FrameReader;
  readonly received: Received;
}

/** Lets go of what was received, and of what is still to come, when the answer is there. */
async function receiving<T>(
  messages: AsyncIterable<Chunk>,
  ctx: CallContext,
  answer: (stream: Stream) => Promise<T>,
): Promise<T> {
  const database = databaseOf(ctx);
  await using received = database.receive();
  await using frames = new FrameReader(contents(messages));
  return await answer({ database, frames, received });
}

async function* contents(messages: AsyncIterable<Chunk>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { content } of messages) yield content;
}

async function setFromStream(stream: Stream): Promise<Parameters<Database["set"]>[0]> {
  const entries: KeyValue[] = [];
  try {
    while ((await stream.frames.next()) !== undefined) entries.push(await entryFromStream(stream));
  } catch (error) {
    // Nothing has come then, as clients are told.
    if (entries.length === 0 && isTruncated(error)) throw new StoreError("no_entries", "the stream ends too soon");
    throw error;
  }
  return { entries, preconditions: [], noWait: false, spool: stream.received.spool };
}

/** A key, whose frame has begun, and the value after it. */
async function entryFromStream({ frames, received }: Stream): Promise<KeyValue> {
  received.entry();
  const key = await received.key(frames);
  await requireFrame(frames);
  return { key, value: await received.value(frames), metadata: undefined };
}

/** Length of a frame that must come. Throws `stream_truncated`. */
async function requireFrame(frames: FrameReader): Promise<number> {
  const length = await frames.next();
  if (length === undefined) throw new WireError("stream_truncated", "the stream ends where a message must follow");
  return length;
}

async function txIdFromStream({ frames }: Stream): Promise<bigint> {
  const length = await frames.next();
  if (length === undefined) throw new StoreError("no_entries", "the stream is empty");
  if (length !== 8) throw new DatabaseError("illegal_argument", "", { text: "a transaction id has 8 bytes" });
  return viewOf(await frames.whole()).getBigUint64(0);
}

async function operationsFromStream(stream: Stream): Promise<Operation[]> {
  const operations: Operation[] = [];
  const { frames } = stream;
  for (let length = await frames.next(); length !== undefined; length = await frames.next()) {
    const tag = length === 1 ? (await frames.whole())[0] : undefined;
    switch (tag) {
      case KEY_VALUE:
        operations.push(await setOfStream(stream));
        break;
      case MEMBER:
        operations.push(await memberFromStream(stream));
        break;
      case REFERENCE:
        throw new ServiceError("stream_reference", "a batch that is streamed has no references");
      default:
        // As clients are told who send nothing else.
        if (operations.length === 0) throw new DatabaseError("batch_empty", "no operation begins so");
        throw new DatabaseError("illegal_argument", "", { text: "unknown operation" });
    }
  }
  return operations;
}

async function setOfStream(stream: Stream): Promise<Operation> {
  await requireFrame(stream.frames);
  const entry = await entryFromStream(stream);
  // As the original: its clients take this for an end of the stream, and would have nothing of it written.
  if (entry.value.length === 0) throw new ServiceError("stream_value_empty", "a value in a streamed batch is empty");
  return { kind: "set", entry };
}

async function memberFromStream({ frames, received }: Stream): Promise<Operation> {
  received.entry();
  const length = await requireFrame(frames);
  if (length > STREAMED_OPERATION_BYTES_MAX) {
    const text = `an operation has at most ${STREAMED_OPERATION_BYTES_MAX} bytes`;
    throw new DatabaseError("illegal_argument", text, { text });
  }
  const { set, score, target } = zAddFromWire(decoded(await frames.whole()));
  return { kind: "member", set, score, target };
}

function decoded(bytes: Uint8Array): ReturnType<typeof decodeZAdd> {
  try {
    return decodeZAdd(bytes);
  } catch (error) {
    throw new DatabaseError("illegal_argument", "", { text: "an operation cannot be read" }, error);
  }
}

function isTruncated(error: unknown): boolean {
  return error instanceof WireError && error.code === "stream_truncated";
}
