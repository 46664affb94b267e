import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../../src/store/arena.ts";

test("an arena gives every row room of its own, and the same room again when it was cleared", () => {
  const arena = new Arena();
  const lengths = Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? 100_000 : 1 + i * 13));
  const rows = lengths.map((length, i) => arena.allocate(length).fill(i));
  rows.forEach((row, i) => {
    assert.equal(row.length, lengths[i]);
    assert.ok(
      row.every((byte) => byte === i % 256),
      `row ${i} is written over`,
    );
  });
  const last = rows.at(-1) as Uint8Array;
  for (let i = 0; i < 2; i++) {
    arena.clear();
    const again = arena.allocate(10);
    assert.equal(again.buffer, last.buffer);
    assert.equal(again.byteOffset, 0);
  }
});
