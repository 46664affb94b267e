import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, utf8 } from "../../../src/base/bytes.ts";
import { plainKey, sortedSetKey } from "../../../src/proof/keys.ts";
import { nameOfKey } from "../../../src/store/key-name.ts";

test("a key that is text is named by its text", () => {
  assert.equal(nameOfKey(plainKey(utf8("invoices/2026 Nr. 7"))), "'invoices/2026 Nr. 7'");
  assert.equal(nameOfKey(plainKey(utf8("Größe 木 🌳"))), "'Größe 木 🌳'");
});

test("a key that is no text, or would do something to a terminal, is named in hexadecimal digits", () => {
  assert.equal(nameOfKey(plainKey(fromHex("c328"))), "00c328");
  assert.equal(nameOfKey(plainKey(utf8("a\u001b[2J"))), "00611b5b324a");
  assert.equal(nameOfKey(plainKey(utf8("a\nb"))), "00610a62");
  assert.equal(nameOfKey(plainKey(utf8("a\u202eb"))), "0061e280ae62");
});

test("a key of another kind is named in hexadecimal digits with its prefix", () => {
  assert.match(nameOfKey(sortedSetKey(utf8("s"), 1, utf8("k"), 0n)), /^01[0-9a-f]+$/);
  assert.equal(nameOfKey(concat(Uint8Array.of(2), utf8("row"))), "02726f77");
});
