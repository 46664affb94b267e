import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concat, u64 } from "../../../src/base/bytes.ts";
import { frameChunks } from "../../../src/wire/frame-chunks.ts";
import { FrameReader } from "../../../src/wire/frame-reader.ts";

const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
/** Where a stream is cut, as lengths of its chunks; empty chunks among them. */
const cuts = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 20 });

function stream(payloads: readonly Uint8Array[]): Uint8Array {
  return concat(...payloads.flatMap((payload) => [u64(BigInt(payload.length)), payload]));
}

async function* cutUp(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    // At least one cut in each round brings the stream forward.
    const length = lengths[i % lengths.length] || Number(i % lengths.length === 0);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function readAll(reader: FrameReader): Promise<Uint8Array[]> {
  const read: Uint8Array[] = [];
  while ((await reader.next()) !== undefined) read.push(await reader.whole());
  return read;
}

describe("frames", () => {
  test("are read as they were written however the stream is cut, octet by octet too", async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.oneof(cuts, fc.constant([1])), async (payloads, lengths) => {
        assert.deepEqual(await readAll(new FrameReader(cutUp(stream(payloads), lengths))), payloads);
      }),
    );
  });

  test("are refused when the stream ends inside one, wherever that is", async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, fc.nat(), async (payloads, lengths, at) => {
        const whole = stream(payloads);
        const end = at % (whole.length + 1);
        const ends = [0];
        for (const { length } of payloads) ends.push((ends.at(-1) as number) + 8 + length);
        const reading = readAll(new FrameReader(cutUp(whole.subarray(0, end), lengths)));
        if (ends.includes(end)) assert.equal((await reading).length, ends.indexOf(end));
        else await assert.rejects(reading, { name: "WireError", code: "stream_truncated" });
      }),
    );
  });

  test("give their payload in pieces, and what is not read of one is passed over", async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, async (payloads, lengths) => {
        const reader = new FrameReader(cutUp(stream(payloads), lengths));
        for (const [i, payload] of payloads.entries()) {
          assert.equal(await reader.next(), payload.length);
          assert.equal(reader.length, payload.length);
          const pieces: Uint8Array[] = [];
          const wanted = i % 2 === 0 ? Number.POSITIVE_INFINITY : 1;
          for (let piece = await reader.piece(); piece !== undefined; ) {
            assert.ok(piece.length > 0);
            pieces.push(piece);
            piece = pieces.length < wanted ? await reader.piece() : undefined;
          }
          assert.deepEqual(concat(...pieces), payload.subarray(0, concat(...pieces).length));
          if (wanted > 1) assert.equal(concat(...pieces).length, payload.length);
        }
        assert.equal(await reader.next(), undefined);
      }),
    );
  });

  test("are cut into chunks of one length but the last, each beginning a new one, whatever pieces they come in", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 8, max: 64 }),
        cuts,
        (payload, size, lengths) => {
          const pieces: Uint8Array[] = [];
          for (let at = 0, i = 0; at < payload.length; i++) {
            const length = (lengths[i % lengths.length] as number) + 1;
            pieces.push(payload.subarray(at, at + length));
            at += length;
          }
          const chunks = [...frameChunks(payload.length, pieces, size)];
          assert.deepEqual(concat(...chunks), stream([payload]));
          for (const chunk of chunks.slice(0, -1)) assert.equal(chunk.length, size);
          assert.ok((chunks.at(-1) as Uint8Array).length > 0 && (chunks.at(-1) as Uint8Array).length <= size);
        },
      ),
    );
  });

  test("of a length that nobody can have are refused where the stream ends, and no memory is taken for them", async () => {
    const reader = new FrameReader(cutUp(concat(u64(2n ** 64n - 1n), new Uint8Array(10)), [3]));
    assert.ok(((await reader.next()) as number) > Number.MAX_SAFE_INTEGER);
    await assert.rejects(reader.whole(), { code: "stream_truncated" });
  });

  test("end the stream that they are read from when nobody wants more", async () => {
    let ended = false;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield u64(0n);
      } finally {
        ended = true;
      }
    }
    {
      await using reader = new FrameReader(chunks());
      assert.equal(await reader.next(), 0);
    }
    assert.ok(ended);
  });
});
