// Cases about streams of chunks. What the kinds of frames hold is checked by the services' tests; here it is where they are cut.

import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { frameChunks } from "../../../src/wire/frame-chunks.ts";
import { FrameReader } from "../../../src/wire/frame-reader.ts";
import { type Answers, expectEqual, type VectorCase } from "../vector-file.ts";

interface ChunksCase extends VectorCase {
  readonly chunks: readonly string[];
  readonly messages: readonly string[];
  readonly chunkSize: number;
}

export const streamChunksAnswers: Answers = {
  send: async (vector) => {
    const { chunks, messages, chunkSize } = vector as ChunksCase;
    const sent = messages.map(fromHex).flatMap((message) => [...frameChunks(message.length, [message], chunkSize)]);
    expectEqual(sent.map(toHex).join(), chunks.join(), "chunks");
    expectEqual((await received(chunks)).join(), messages.join(), "messages");
  },
  receive: async (vector) => {
    const { chunks, messages } = vector as ChunksCase;
    expectEqual((await received(chunks)).join(), messages.join(), "messages");
  },
};

async function received(chunks: readonly string[]): Promise<string[]> {
  const reader = new FrameReader(arriving(chunks));
  const messages: string[] = [];
  while ((await reader.next()) !== undefined) messages.push(toHex(await reader.whole()));
  return messages;
}

async function* arriving(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  yield* chunks.map(fromHex);
}
