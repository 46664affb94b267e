import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import { crc32 } from "../../../src/store/checksum.ts";

const SEED = 20_244;

test("a checksum is CRC-32, whatever the length and wherever the bytes stand", () => {
  assert.equal(crc32(utf8("123456789")), 0xcbf4_3926);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), fc.nat(), (bytes, a, b, before) => {
      const from = Math.min(a, bytes.length);
      const to = Math.max(from, Math.min(b, bytes.length));
      assert.equal(crc32(bytes, from, to, before), zlibCrc32(bytes.subarray(from, to), before));
    }),
    { seed: SEED, numRuns: 500 },
  );
});
