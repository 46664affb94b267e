import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes, concat, fromHex, startsWith, toHex, utf8 } from "../../../src/base/bytes.ts";
import {
  decodePlainKey,
  decodePlainValue,
  decodeSortedSetKey,
  plainKey,
  plainValue,
  referenceValue,
  sortedSetKey,
  sortedSetPrefix,
} from "../../../src/proof/keys.ts";
import { shortBytes, uint64s } from "./arbitraries.ts";
import { assertRefused } from "./refusals.ts";

const nonNegative = fc.double({ min: 0, noNaN: true });

describe("store keys and values", () => {
  test("read back as they were written", () => {
    fc.assert(
      fc.property(shortBytes, shortBytes, uint64s, fc.double(), (key, value, atTx, score) => {
        assert.deepEqual(decodePlainKey(plainKey(key)), key);
        assert.deepEqual(decodePlainValue(plainValue(value)), { kind: "value", value });
        assert.deepEqual(decodePlainValue(referenceValue(key, atTx)), { kind: "reference", key, atTx });
        const member = sortedSetKey(value, score, key, atTx);
        assert.deepEqual(decodeSortedSetKey(member), { set: value, score, key, atTx });
        assert.ok(startsWith(member, sortedSetPrefix(value)));
      }),
    );
  });

  test("plain keys sort as the user's keys do", () => {
    fc.assert(
      fc.property(shortBytes, shortBytes, (a, b) => {
        assert.equal(Math.sign(compareBytes(plainKey(a), plainKey(b))), Math.sign(compareBytes(a, b)));
      }),
    );
  });

  test("members of a set sort by score when scores are not negative", () => {
    fc.assert(
      fc.property(nonNegative, nonNegative, shortBytes, shortBytes, (a, b, keyA, keyB) => {
        // -0 has the sign bit set: it counts as negative.
        fc.pre(a !== b);
        const set = utf8("set");
        const order = compareBytes(sortedSetKey(set, Math.abs(a), keyA, 0n), sortedSetKey(set, Math.abs(b), keyB, 0n));
        assert.equal(Math.sign(order), Math.sign(a - b) || (a < b ? -1 : 1));
      }),
    );
  });

  test("negative scores sort after all others, the least of them last", () => {
    const keys = [0, 1, 2.5, -1, -7].map((score) => sortedSetKey(utf8("set"), score, utf8("k"), 0n));
    assert.deepEqual(keys.toSorted(compareBytes), keys);
  });

  test("refuse what is not a plain entry", () => {
    assertRefused("store_key_malformed", () => decodePlainKey(fromHex("0161")));
    assertRefused("store_key_malformed", () => decodePlainKey(fromHex("")));
    assertRefused("store_value_malformed", () => decodePlainValue(fromHex("")));
    assertRefused("store_value_malformed", () => decodePlainValue(fromHex("02")));
    assertRefused("store_value_malformed", () => decodePlainValue(fromHex("0100000000000000")));
    assertRefused("store_value_malformed", () => decodePlainValue(fromHex("0100000000000000000161")));
  });

  test("refuse a set member with any length or prefix that does not fit", () => {
    const member = sortedSetKey(utf8("set"), 1, utf8("key"), 9n);
    const refuse = (bytes: Uint8Array): void => assertRefused("store_key_malformed", () => decodeSortedSetKey(bytes));
    for (let length = 0; length < member.length; length++) refuse(member.subarray(0, length));
    refuse(concat(member, fromHex("00")));
    refuse(concat(fromHex("00"), member.subarray(1)));
    const hex = toHex(member);
    refuse(fromHex(hex.replace("0000000000000003", "ffffffffffffffff")));
    refuse(fromHex(hex.replace("0000000000000004" + "00", "0000000000000004" + "01")));
    refuse(concat(sortedSetPrefix(utf8("set")), new Uint8Array(8 + 8 + 8)));
  });
});

test("keys and values stay what they are, however many others are made after them, short or long", () => {
  const lengths = [0, 1, 100, 1023, 1024, 5000];
  const made = Array.from({ length: 600 }, (_, i) => {
    const bytes = new Uint8Array(lengths[i % lengths.length] as number).fill(i);
    return { bytes, key: plainKey(bytes), value: plainValue(bytes) };
  });
  for (const { bytes, key, value } of made) {
    assert.deepEqual(key, Uint8Array.of(0, ...bytes));
    assert.deepEqual(value, key);
  }
});
