import assert from "node:assert/strict";
import { test } from "node:test";
import { EntrySchema } from "../../../../gen/immudb/schema/kv_pb.ts";
import { decoderOf } from "../../../../src/wire/codec/decoder.ts";
import { encoderOf, framedEncoderOf } from "../../../../src/wire/codec/encoder.ts";

test("a frame is a zero byte, the length and the message", () => {
  const init = { tx: 300n, key: Uint8Array.of(1, 2) };
  const message = encoderOf(EntrySchema)(init);
  assert.deepEqual([...message], [0x08, 0xac, 0x02, 0x12, 2, 1, 2]);
  assert.deepEqual([...framedEncoderOf(EntrySchema)(init)], [0, 0, 0, 0, message.length, ...message]);
  assert.equal(decoderOf(EntrySchema)(message).tx, 300n);
});
