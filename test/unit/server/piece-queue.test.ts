import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PieceQueue } from "../../../src/server/piece-queue.ts";

test("what comes out is what went in, whatever the pieces", () => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.integer({ min: 2000, max: 40_000 }).map((length) => new Uint8Array(length).fill(length)),
    fc.constant("take" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new PieceQueue();
      const given: Uint8Array[] = [];
      const taken: Uint8Array[] = [];
      for (const each of steps) {
        if (each === "take") taken.push(queue.shift() ?? new Uint8Array());
        else {
          given.push(each);
          queue.push(each);
        }
      }
      while (queue.bytes > 0) taken.push(queue.shift() as Uint8Array);
      assert.deepEqual(Buffer.concat(taken), Buffer.concat(given));
      assert.equal(queue.shift(), undefined);
    }),
  );
});

test("a small piece does not hold on to the large read that it came in", () => {
  const queue = new PieceQueue();
  const read = new Uint8Array(64 * 1024);
  queue.push(read.subarray(5, 6));
  assert.equal(queue.shift()?.buffer.byteLength, 1);
  queue.push(read.subarray(0, 10));
  queue.push(read.subarray(0, 10));
  assert.equal(queue.shift()?.buffer.byteLength, 20);
});

test("octets that come one by one are few pieces", () => {
  const queue = new PieceQueue();
  for (let i = 0; i < 100_000; i++) queue.push(Uint8Array.of(i));
  let pieces = 0;
  let bytes = 0;
  for (; queue.bytes > 0; pieces++) bytes += queue.shift()?.length ?? 0;
  assert.equal(bytes, 100_000);
  assert.ok(pieces < 10, `${pieces} pieces`);
});
