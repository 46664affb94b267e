import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import type { TxEntry } from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { writeTxRows } from "../../../src/store/records.ts";
import { hasEntriesInside, soundValueInside } from "../../../src/store/sound-value.ts";

const KEYS = ["a", "b", "a key of another length", "k".repeat(140)].map(utf8);
const VALUES = ["first", "", "v".repeat(200), "last"].map(utf8);
const STALE = 64;

function entriesOf(keys: readonly Uint8Array[]): TxEntry[] {
  return keys.map((key, i) => {
    const value = VALUES[i % VALUES.length] as Uint8Array;
    const metadata = i === 2 ? { deleted: false, expiresAt: 7n, nonIndexable: false } : undefined;
    return { key, metadata, hValue: sha256(value), vLen: value.length };
  });
}

/** The rows of a transaction with these keys; the record is the first. `offsets`: its values are in segments. */
function rowsOf(keys: readonly Uint8Array[], offsets?: readonly bigint[]): Uint8Array[] {
  const digest = new Uint8Array(32);
  const rows: Uint8Array[] = [];
  const header = {
    id: 4n,
    prevAlh: digest,
    ts: 1n,
    version: 1,
    metadata: undefined,
    nentries: keys.length,
    eh: digest,
    blTxId: 3n,
    blRoot: digest,
  };
  const values = keys.map((_, i) => VALUES[i % VALUES.length] as Uint8Array);
  const nodes = [digest, digest, digest];
  const tx = { header, alh: digest, nodes, tree: [digest], entries: entriesOf(keys), values, withheld: false };
  writeTxRows(tx, offsets, (_key, value) => rows.push(value));
  return rows;
}

/** A row as the engine shows it: behind it lies what was read before. */
function shown(row: Uint8Array, before: Uint8Array = new Uint8Array(row.length + STALE)) {
  const bytes = before.slice();
  bytes.set(row);
  return { bytes, length: row.length };
}

describe("a value in the record of its transaction", () => {
  const record = rowsOf(KEYS)[0] as Uint8Array;

  test("is found for its place and key, as a copy", () => {
    const peeked = shown(record);
    assert.ok(hasEntriesInside(peeked));
    const found = KEYS.map((key, i) => soundValueInside(peeked, i, key));
    peeked.bytes.fill(0);
    assert.deepEqual(
      found.map((value) => [...(value as Uint8Array)]),
      VALUES.map((value) => [...value]),
    );
  });

  test("is not found for another key or place", () => {
    assert.equal(soundValueInside(shown(record), 0, utf8("b")), undefined);
    assert.equal(soundValueInside(shown(record), 1, utf8("a")), undefined);
    assert.equal(soundValueInside(shown(record), KEYS.length, utf8("a")), undefined);
  });

  test("is what was written or nothing, whichever bit of the record is flipped", () => {
    let refused = 0;
    for (let bit = 0; bit < record.length * 8; bit++) {
      const damaged = record.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      for (const [i, key] of KEYS.entries()) {
        const value = soundValueInside(shown(damaged), i, key);
        if (value === undefined) refused++;
        else assert.deepEqual(value, VALUES[i]);
      }
    }
    assert.ok(refused > record.length);
  });

  test("is not made up from what was read before the record, when that is cut short", () => {
    for (let length = 0; length < record.length; length++) {
      const peeked = shown(record.subarray(0, length), record);
      assert.equal(soundValueInside(peeked, KEYS.length - 1, KEYS.at(-1) as Uint8Array), undefined);
    }
  });

  test("is not found when it is in a segment, and its neighbour without one is", () => {
    const [inSegment] = rowsOf(KEYS.slice(0, 2), [10n]) as [Uint8Array];
    assert.equal(soundValueInside(shown(inSegment), 0, KEYS[0] as Uint8Array), undefined);
    assert.equal(soundValueInside(shown(inSegment), 1, KEYS[1] as Uint8Array)?.length, 0);
  });

  test("is not looked for where entries have rows of their own", () => {
    const many = Array.from({ length: 33 }, (_, i) => utf8(`key ${i}`));
    assert.equal(hasEntriesInside(shown(rowsOf(many)[0] as Uint8Array)), false);
    assert.equal(hasEntriesInside({ bytes: record, length: 0 }), false);
  });
});
