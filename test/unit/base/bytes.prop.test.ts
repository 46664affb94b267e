import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { setU16, setU32, setU64, u32, u64 } from "../../../src/base/bytes.ts";

test("numbers of two, four and eight bytes are big-endian", () => {
  const numbers = [fc.nat(0xffff), fc.nat(2 ** 32 - 1), fc.bigInt(0n, 2n ** 64n - 1n)] as const;
  fc.assert(
    fc.property(...numbers, (two, four, eight) => {
      const expected = Buffer.alloc(14);
      expected.writeUInt16BE(two);
      expected.writeUInt32BE(four, 2);
      expected.writeBigUInt64BE(eight, 6);
      const written = new Uint8Array(14);
      setU16(written, 0, two);
      setU32(written, 2, four);
      setU64(written, 6, eight);
      assert.deepEqual([...written], [...expected]);
      assert.deepEqual([...u32(four), ...u64(eight)], [...expected.subarray(2)]);
    }),
  );
});
