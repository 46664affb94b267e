import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 as portable } from "@noble/hashes/sha2.js";
import { toHex } from "../../../src/base/bytes.ts";
import { nodeSha256, nodeSha256Into } from "../../../src/server/node-sha256.ts";

describe("SHA-256 by node:crypto", () => {
  test("gives the portable implementation's digest for every length around a block", () => {
    for (const length of [0, 1, 31, 55, 56, 63, 64, 65, 119, 128, 1000, 100_000]) {
      const data = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256);
      assert.equal(toHex(nodeSha256(data)), toHex(portable(data)), `${length} bytes`);
    }
  });

  test("writes the digest where it is told to, and nowhere else", () => {
    for (const all of [new Uint8Array(100), Buffer.alloc(200).subarray(50, 150)]) {
      nodeSha256Into(Uint8Array.of(1, 2, 3), all, 60);
      assert.equal(toHex(all.subarray(60, 92)), toHex(portable(Uint8Array.of(1, 2, 3))));
      assert.ok([...all.subarray(0, 60), ...all.subarray(92)].every((byte) => byte === 0));
    }
  });

  test("gives a new array each time, that owns all of its memory", () => {
    const [a, b] = [nodeSha256(Uint8Array.of(1)), nodeSha256(Uint8Array.of(2))];
    assert.notEqual(toHex(a), toHex(b));
    assert.equal(a.constructor, Uint8Array);
    assert.equal(a.buffer.byteLength, 32);
  });

  test("hashes a view into a larger buffer as the view alone", () => {
    const buffer = Uint8Array.from({ length: 100 }, (_, i) => i);
    assert.equal(toHex(nodeSha256(buffer.subarray(10, 20))), toHex(portable(buffer.slice(10, 20))));
  });
});
