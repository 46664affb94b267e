import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { DatabaseError } from "../../../src/database/errors.ts";
import type { Operation, Precondition } from "../../../src/database/requests.ts";
import { NO_VALUE, plainKey, referenceValue, sortedSetKey } from "../../../src/proof/keys.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { remove, set, type TestDatabase, testDatabase, zScanRequest } from "./support.ts";

const UNBOUND = { atTx: 0n, boundRef: false };

function reference({ database }: TestDatabase, key: string, to: string, bound?: bigint): Promise<bigint> {
  const target = { key: utf8(to), ...(bound === undefined ? UNBOUND : { atTx: bound, boundRef: true }) };
  return database.setReference({ key: utf8(key), target, preconditions: [], noWait: false }).then(({ id }) => id);
}

function execAll(
  { database }: TestDatabase,
  operations: readonly Operation[],
  preconditions: readonly Precondition[] = [],
): Promise<bigint> {
  return database.execAll({ operations, preconditions, noWait: false }).then(({ id }) => id);
}

function get({ database }: TestDatabase, key: string): string {
  const entry = database.get({ key: utf8(key), atTx: 0n, sinceTx: 0n, atRevision: 0n, noWait: false });
  return utf8ToString(entry.value);
}

const put = (key: string, value: string): Operation => ({
  kind: "set",
  entry: { key: utf8(key), value: utf8(value), metadata: undefined },
});
const refer = (key: string, to: string, atTx = 0n, boundRef = atTx > 0n): Operation => ({
  kind: "reference",
  key: utf8(key),
  target: { key: utf8(to), atTx, boundRef },
});
const member = (name: string, score: number, key: string, atTx = 0n, boundRef = atTx > 0n): Operation => ({
  kind: "member",
  set: utf8(name),
  score,
  target: { key: utf8(key), atTx, boundRef },
});

const refusal = (code: string) => (error: unknown) =>
  (error instanceof DatabaseError || error instanceof StoreError) && error.code === code;

describe("a reference", () => {
  test("follows the latest value, or keeps to the one that it is bound to", async () => {
    await using test = await testDatabase();
    const first = await set(test, ["k", "1"]);
    await reference(test, "free", "k");
    await reference(test, "bound", "k", first);
    await set(test, ["k", "2"]);
    assert.equal(get(test, "free"), "2");
    assert.equal(get(test, "bound"), "1");
    await remove(test, "k");
    assert.throws(() => get(test, "free"), refusal("key_not_found"));
    assert.equal(get(test, "bound"), "1");
  });

  test("may lead elsewhere later, and takes the place of what was deleted or has expired, never of a value", async () => {
    await using test = await testDatabase();
    await set(test, ["a", "1"], ["b", "2"], ["gone", "x"]);
    await reference(test, "r", "a");
    await reference(test, "r", "b");
    assert.equal(get(test, "r"), "2");
    await assert.rejects(reference(test, "a", "b"), refusal("value_to_reference"));
    await remove(test, "gone");
    await reference(test, "gone", "a");
    assert.equal(get(test, "gone"), "1");
    await set(test, ["late", "x", { deleted: false, expiresAt: BigInt(test.clock.seconds) + 5n, nonIndexable: false }]);
    await assert.rejects(reference(test, "late", "a"), refusal("value_to_reference"));
    test.clock.seconds += 10;
    await reference(test, "late", "a");
  });

  test("leads to a value, one step deep", async () => {
    await using test = await testDatabase();
    const first = await set(test, ["a", "1"]);
    const second = await reference(test, "r", "a");
    await assert.rejects(reference(test, "s", "r"), refusal("reference_to_reference"));
    await assert.rejects(reference(test, "s", "r", second), refusal("reference_to_reference"));
    await assert.rejects(reference(test, "s", "a", second), refusal("key_not_found"));
    await assert.rejects(reference(test, "s", "a", 99n), refusal("tx_not_found"));
    for (const [atTx, boundRef] of [
      [first, false],
      [0n, true],
    ] as const) {
      const target = { key: utf8("a"), atTx, boundRef };
      const bad = test.database.setReference({ key: utf8("s"), target, preconditions: [], noWait: false });
      await assert.rejects(bad, refusal("illegal_arguments"));
    }
  });

  test("is made for the state that it was made in, whatever is written at the same time", async () => {
    await using test = await testDatabase();
    await set(test, ["a", "1"]);
    // The value is on its way when the reference is asked for: readers do not see it yet.
    const value = set(test, ["k", "value"]);
    const late = assert.rejects(reference(test, "k", "a"), refusal("value_to_reference"));
    await value;
    await late;
    assert.equal(get(test, "k"), "value");
    // The target is being deleted.
    await set(test, ["t", "1"]);
    const removal = remove(test, "t");
    const dangling = assert.rejects(reference(test, "r", "t"), refusal("key_not_found"));
    await removal;
    await dangling;
  });
});

describe("a batch", () => {
  test("writes its steps in their order, and names its own transaction where it is bound to it", async () => {
    await using test = await testDatabase();
    await set(test, ["old", "0"]);
    const txId = await execAll(test, [
      put("a", "1"),
      refer("own", "a", 0n, true),
      refer("free", "a"),
      refer("far", "old", 1n),
      member("s", 2.5, "a", 0n, true),
      member("s", 1, "old"),
    ]);
    const entries = test.store.log.entries(txId, test.store.log.record(txId));
    assert.deepEqual(
      entries.map(({ key }) => key),
      [
        plainKey(utf8("a")),
        plainKey(utf8("own")),
        plainKey(utf8("free")),
        plainKey(utf8("far")),
        sortedSetKey(utf8("s"), 2.5, utf8("a"), txId),
        sortedSetKey(utf8("s"), 1, utf8("old"), 0n),
      ],
    );
    assert.deepEqual(test.store.log.value(txId, 1), referenceValue(utf8("a"), txId));
    assert.deepEqual(test.store.log.value(txId, 4), NO_VALUE);
    await set(test, ["a", "2"]);
    for (const when of ["before", "after"]) {
      const members = test.database.zScan(zScanRequest(utf8("s")));
      assert.deepEqual(
        members.map(({ key, atTx, entry }) => [utf8ToString(key), atTx, utf8ToString(entry?.value ?? utf8(""))]),
        [
          ["old", 0n, "0"],
          ["a", txId, "1"],
        ],
        `${when} the index has them`,
      );
      await test.database.settled();
    }
    assert.deepEqual([get(test, "own"), get(test, "free"), get(test, "far")], ["1", "2", "0"]);
  });

  test("refuses steps that say nothing, twice the same, or lead nowhere, and writes nothing", async () => {
    await using test = await testDatabase();
    await set(test, ["v", "1"]);
    await reference(test, "r", "v");
    const refused: [readonly Operation[], string][] = [
      [[], "batch_empty"],
      [[{ kind: "none" }], "operation_missing"],
      [[put("", "1")], "illegal_arguments"],
      [[refer("", "v")], "illegal_arguments"],
      [[member("", 1, "v")], "illegal_arguments"],
      [[member("s", Number.NaN, "v")], "illegal_arguments"],
      [[refer("x", "v", 1n, false)], "illegal_arguments"],
      [[put("a", "1"), put("a", "2")], "batch_duplicate_key"],
      [[put("a", "1"), refer("a", "v")], "batch_duplicate_key"],
      [[member("s", 1, "v"), member("s", 1, "v")], "batch_duplicate_member"],
      [[refer("x", "nothing")], "key_not_found"],
      [[member("s", 1, "nothing")], "key_not_found"],
      [[refer("x", "v", 0n, true)], "key_not_found"],
      [[refer("x", "r")], "reference_to_reference"],
      [[refer("x", "v"), refer("y", "x")], "reference_to_reference"],
      [[refer("v", "r")], "value_to_reference"],
    ];
    const before = test.database.state().txId;
    for (const [operations, code] of refused) await assert.rejects(execAll(test, operations), refusal(code), code);
    const exists: Precondition = { kind: "key_must_exist", key: utf8("nothing") };
    await assert.rejects(execAll(test, [put("a", "1")], [exists]), refusal("precondition_failed"));
    assert.equal(test.database.state().txId, before);
  });
});
