import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ChunkSchema } from "../../../gen/immudb/schema/stream_pb.ts";
import { concat, equalBytes, getU32, u32 } from "../../../src/base/bytes.ts";
import { splitChunks } from "../../../src/server/chunk-splitter.ts";

const WHOLE_BYTES_MAX = 200;
const MESSAGE_BYTES_MAX = 4 * WHOLE_BYTES_MAX;
const LIMITS = { wholeBytesMax: WHOLE_BYTES_MAX, messageBytesMax: MESSAGE_BYTES_MAX };

interface Message {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

const enveloped = ({ flags, bytes }: Message): Uint8Array => concat(Uint8Array.of(flags), u32(bytes.length), bytes);

/** A chunk, with metadata behind its content in some. */
function chunk(length: number, seed: number, metadata = 0): Uint8Array {
  const content = new Uint8Array(length).map((_, i) => (i * 31 + seed) % 253);
  return toBinary(
    ChunkSchema,
    create(ChunkSchema, { content, metadata: metadata > 0 ? { m: new Uint8Array(metadata) } : {} }),
  );
}

async function split(
  bytes: Uint8Array,
  lengths: readonly number[],
  splits = true,
): Promise<{ out: Message[]; whole: number[] }> {
  async function* arriving(): AsyncGenerator<Uint8Array> {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = lengths[i % lengths.length] as number;
      yield bytes.subarray(at, at + length);
      at += length;
    }
  }
  const whole: number[] = [];
  const pieces: Uint8Array[] = [];
  const options = { splits, ...LIMITS, onWhole: (length: number) => whole.push(length) };
  for await (const piece of splitChunks(arriving(), options)) pieces.push(piece);
  const all = concat(...pieces);
  const out: Message[] = [];
  for (let at = 0; at < all.length; ) {
    const length = getU32(all, at + 1);
    out.push({ flags: all[at] as number, bytes: all.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return { out, whole };
}

const contentOf = (messages: readonly Message[]): Uint8Array =>
  concat(...messages.map(({ bytes }) => fromBinary(ChunkSchema, bytes).content));

const sizes = fc.oneof(
  fc.nat({ max: 100 }),
  fc.integer({ min: WHOLE_BYTES_MAX - 12, max: WHOLE_BYTES_MAX + 12 }),
  fc.integer({ min: WHOLE_BYTES_MAX, max: 2 * WHOLE_BYTES_MAX }),
);
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 50, max: 500 })), {
  minLength: 1,
  maxLength: 5,
});

describe("a stream of chunks whose long ones are split", () => {
  test("carries the same bytes and metadata, in messages that are short, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(sizes, fc.nat({ max: 20 })), { maxLength: 4 }),
        cuts,
        async (chunks, lengths) => {
          const messages = chunks.map(([size, metadata], i) => ({ flags: 0, bytes: chunk(size, i, metadata) }));
          const { out, whole } = await split(concat(...messages.map(enveloped)), lengths);
          assert.ok(equalBytes(contentOf(out), contentOf(messages)));
          // As long as the piece that came, at most.
          const longest = Math.max(WHOLE_BYTES_MAX, Math.max(...lengths) + 15);
          for (const { bytes } of out) assert.ok(bytes.length <= longest);
          assert.deepEqual(whole, []);
          const metadata = (all: readonly Message[]) =>
            all.flatMap(({ bytes }) => Object.values(fromBinary(ChunkSchema, bytes).metadata));
          assert.deepEqual(metadata(out), metadata(messages));
        },
      ),
    );
  });

  test("leaves short messages, and where they begin, as they are", async () => {
    const messages = [3, 0, 100].map((size, i) => ({ flags: 0, bytes: chunk(size, i) }));
    const { out } = await split(concat(...messages.map(enveloped)), [7]);
    assert.deepEqual(out, messages);
  });

  test("leaves whole what it cannot split, and says how long that is", async () => {
    const long = chunk(2 * WHOLE_BYTES_MAX, 1);
    const notContent = concat(Uint8Array.of(0x12, 0x00), long);
    const lies = concat(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f), long);
    const endless = concat(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), long);
    const messages = [
      { flags: 1, bytes: long },
      { flags: 0, bytes: notContent },
      { flags: 0, bytes: lies },
      { flags: 0, bytes: endless },
    ];
    const { out, whole } = await split(concat(...messages.map(enveloped)), [10_000]);
    assert.deepEqual(out, messages);
    assert.deepEqual(
      whole,
      messages.map(({ bytes }) => bytes.length),
    );
    const unsplit = [{ flags: 0, bytes: long }];
    assert.deepEqual((await split(concat(...unsplit.map(enveloped)), [10_000], false)).out, unsplit);
  });

  test("leaves a message that is longer than any may be to whoever refuses it", async () => {
    const begun = concat(
      Uint8Array.of(0),
      u32(MESSAGE_BYTES_MAX + 1),
      Uint8Array.of(0x0a, 0x9d, 0x06, 1, 2, 3, 4, 5, 6),
    );
    const options = { splits: true, ...LIMITS, onWhole: () => assert.fail("it is not kept") };
    const pieces: Uint8Array[] = [];
    async function* arriving(): AsyncGenerator<Uint8Array> {
      yield begun;
    }
    for await (const piece of splitChunks(arriving(), options)) pieces.push(piece);
    assert.deepEqual(concat(...pieces), begun);
  });

  test("that ends inside a head ends there", async () => {
    const { out } = await split(concat(enveloped({ flags: 0, bytes: chunk(5, 1) })), [3]);
    assert.equal(out.length, 1);
    async function* arriving(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(0, 0);
    }
    const options = { splits: true, ...LIMITS, onWhole: () => undefined };
    const pieces: Uint8Array[] = [];
    for await (const piece of splitChunks(arriving(), options)) pieces.push(piece);
    assert.deepEqual(concat(...pieces), Uint8Array.of(0, 0));
  });
});
