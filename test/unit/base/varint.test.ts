import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { setVarint, VARINT_BYTES_MAX, VarintReader } from "../../../src/base/varint.ts";

const SEED = 20_243;
const any = fc.oneof(
  fc.bigInt(0n, 300n),
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.nat(63).map((bits) => 1n << BigInt(bits)),
);

describe("numbers of as few bytes as they need", () => {
  test("come back one after another", () => {
    fc.assert(
      fc.property(fc.array(any, { minLength: 1 }), (numbers) => {
        const out = new Uint8Array(numbers.length * VARINT_BYTES_MAX);
        let end = 0;
        for (const number of numbers) end = setVarint(out, end, number);
        const reader = new VarintReader(out.subarray(0, end));
        assert.deepEqual(
          numbers.map(() => reader.next()),
          numbers,
        );
        assert.equal(reader.at, end);
      }),
      { seed: SEED },
    );
  });

  test("take seven bits a byte", () => {
    const out = new Uint8Array(VARINT_BYTES_MAX);
    assert.equal(setVarint(out, 0, 127n), 1);
    assert.equal(setVarint(out, 0, 128n), 2);
    assert.equal(setVarint(out, 0, 2n ** 56n - 1n), 8);
    assert.equal(setVarint(out, 0, 2n ** 64n - 1n), VARINT_BYTES_MAX);
  });

  test("are refused when they are cut short or too big", () => {
    const bad = [[], [0x80], [...new Array<number>(9).fill(0xff), 0x02], new Array<number>(11).fill(0xff)];
    for (const bytes of bad) assert.throws(() => new VarintReader(Uint8Array.from(bytes)).next(), RangeError);
  });
});
