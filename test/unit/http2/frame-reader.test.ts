import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameReader, type FrameTarget } from "../../../src/http2/frame-reader.ts";
import { CONTINUATION, DATA, FRAME_PAYLOAD_MAX, HEADERS } from "../../../src/http2/frames.ts";
import { Http2Error } from "../../../src/http2/http2-error.ts";
import { frame } from "../../fuzz/http2-frames.ts";

/** Keeps what it is given, as it is: later chunks must not change it. */
class Collector implements FrameTarget {
  reading = true;
  readonly frames: { type: number; flags: number; streamId: number; payload: Uint8Array }[] = [];

  /** Whether it is to say each time that its turn is over. */
  tires = false;

  isTurnOver(): boolean {
    return this.tires;
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    this.frames.push({ type, flags, streamId, payload: bytes.subarray(start, end) });
  }
}

const frames = fc.array(
  fc.record({
    type: fc.nat(255),
    flags: fc.nat(255),
    streamId: fc.nat(2 ** 31 - 1),
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
  { maxLength: 8 },
);

test("however the bytes are cut into chunks, the same frames come out", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (wanted, cuts) => {
      const bytes = Buffer.concat(wanted.map((f) => frame(f.type, f.flags, f.streamId, f.payload)));
      const target = new Collector();
      const reader = new FrameReader(target);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = cuts[i % cuts.length] as number;
        reader.push(Buffer.from(bytes.subarray(at, at + length)), 0);
        at += length;
      }
      assert.deepEqual(
        target.frames.map((f) => ({ ...f, payload: [...f.payload] })),
        wanted.map((f) => ({ ...f, payload: [...f.payload] })),
      );
    }),
  );
});

test("a frame that is complete in its chunk is not copied", () => {
  const target = new Collector();
  const chunk = Buffer.from(frame(DATA, 0, 1, Uint8Array.from([1, 2, 3])));
  new FrameReader(target).push(chunk, 0);
  assert.equal(target.frames[0]?.payload.buffer, chunk.buffer);
});

test("bytes before the first frame are skipped", () => {
  const target = new Collector();
  new FrameReader(target).push(Buffer.concat([Buffer.from("abc"), frame(DATA, 0, 1, Uint8Array.of(9))]), 3);
  assert.deepEqual([...(target.frames[0]?.payload ?? [])], [9]);
});

test("the longest payload is taken, a longer one is not, even before it has come", () => {
  const target = new Collector();
  const reader = new FrameReader(target);
  reader.push(Buffer.from(frame(DATA, 0, 1, new Uint8Array(FRAME_PAYLOAD_MAX))), 0);
  assert.equal(target.frames.length, 1);
  const header = Buffer.from(frame(DATA, 0, 1, new Uint8Array(FRAME_PAYLOAD_MAX + 1)).subarray(0, 9));
  const isTooLong = (error: unknown): boolean => error instanceof Http2Error && error.code === "FRAME_SIZE_ERROR";
  assert.throws(() => reader.push(header, 0), isTooLong);
  const slow = new FrameReader(target);
  slow.push(header.subarray(0, 4), 0);
  assert.throws(() => slow.push(header.subarray(4), 0), isTooLong);
});

test("a part of a header block that has begun is noticed", () => {
  for (const [type, isHeaders] of [
    [HEADERS, true],
    [CONTINUATION, true],
    [DATA, false],
  ] as const) {
    const reader = new FrameReader(new Collector());
    const bytes = Buffer.from(frame(type, 0, 1, new Uint8Array(4)));
    reader.push(bytes.subarray(0, 8), 0);
    assert.equal(reader.inHeaders, false);
    reader.push(bytes.subarray(8, 10), 0);
    assert.equal(reader.inHeaders, isHeaders);
    reader.push(bytes.subarray(10), 0);
    assert.equal(reader.inHeaders, false);
  }
});

test("who wants no more frames gets none of the same chunk", () => {
  const target = new Collector();
  const stopping: FrameTarget = {
    isTurnOver: () => false,
    get reading() {
      return target.frames.length === 0;
    },
    frame: (...args) => target.frame(...args),
  };
  const two = Buffer.concat([frame(DATA, 0, 1, Uint8Array.of(1)), frame(DATA, 0, 1, Uint8Array.of(2))]);
  new FrameReader(stopping).push(two, 0);
  assert.equal(target.frames.length, 1);
});

test("who gives others their turn goes on where he stopped", () => {
  const bytes = Buffer.concat(Array.from({ length: 100 }, (_, i) => frame(DATA, 0, i, Buffer.alloc(i))));
  const collector = new Collector();
  collector.tires = true;
  const reader = new FrameReader(collector);
  let turns = 0;
  for (let at = 0; at < bytes.length; turns++) at = reader.push(bytes, at);
  assert.ok(turns > 10, `${turns} turns`);
  assert.deepEqual(
    collector.frames.map(({ streamId, payload }) => [streamId, payload.length]),
    Array.from({ length: 100 }, (_, i) => [i, i]),
  );
});
