import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex, utf8 } from "../../../src/base/bytes.ts";
import { RESULT_ROWS_MAX } from "../../../src/base/limits.ts";
import { DatabaseError } from "../../../src/database/errors.ts";
import type { Precondition } from "../../../src/database/requests.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { alh, EMPTY_ALH } from "../../../src/proof/tx-header.ts";
import { StoreError } from "../../../src/store/errors.ts";
import {
  brief,
  codeOf,
  getRequest,
  metadata,
  NOW_SECONDS,
  remove,
  scanRequest,
  set,
  setRequest,
  testDatabase,
} from "./support.ts";

const key = utf8("k");

describe("the state of a database", () => {
  test("is transaction 0 and the hash of nothing before the first write, then the last transaction's", async () => {
    await using db = await testDatabase();
    const empty = db.database.state();
    assert.equal(empty.txId, 0n);
    assert.equal(toHex(empty.txHash), toHex(sha256(new Uint8Array(0))));
    assert.equal(toHex(empty.precommittedTxHash), toHex(EMPTY_ALH));
    const header = await db.database.set(setRequest([["k", "v"]]));
    const { txId, txHash, precommittedTxId } = db.database.state();
    assert.equal(txId, 1n);
    assert.equal(precommittedTxId, 1n);
    assert.equal(toHex(txHash), toHex(alh(header)));
  });
});

describe("set", () => {
  test("writes all entries in one transaction, readable at once", async () => {
    await using db = await testDatabase();
    const header = await db.database.set(
      setRequest([
        ["a", "1"],
        ["b", ""],
      ]),
    );
    assert.equal(header.id, 1n);
    assert.equal(header.nentries, 2);
    assert.equal(header.ts, NOW_SECONDS);
    assert.equal(header.version, 1);
    assert.equal(brief(db.database.get(getRequest("a"))), "a=1@1#1");
    assert.equal(brief(db.database.get(getRequest("b"))), "b=@1#1");
  });

  test("refuses what cannot be written, by code", async () => {
    await using db = await testDatabase();
    const { database } = db;
    const long = (bytes: number): string => "x".repeat(bytes);
    const many = (count: number) => Array.from({ length: count }, (_, i) => [`k${i}`, ""] as const);
    for (const [expected, request] of [
      ["illegal_arguments", setRequest([["", "v"]])],
      [
        "illegal_arguments",
        setRequest([
          ["a", "v"],
          ["", "v"],
        ]),
      ],
      ["no_entries", setRequest([])],
      [
        "duplicate_key",
        setRequest([
          ["a", "1"],
          ["b", "2"],
          ["a", "1"],
        ]),
      ],
      ["none", setRequest([[long(1023), "v"]])],
      ["key_too_long", setRequest([[long(1024), "v"]])],
      ["none", setRequest(many(1024))],
      ["too_many_entries", setRequest(many(1025))],
    ] as const) {
      assert.equal(await codeOf(() => database.set(request)), expected);
    }
    assert.equal(database.state().txId, 2n, "what is refused makes no transaction");
    await using small = await testDatabase({ maxValueLen: 10 });
    assert.equal(await codeOf(() => small.database.set(setRequest([["k", long(9)]]))), "none");
    assert.equal(await codeOf(() => small.database.set(setRequest([["k", long(10)]]))), "value_too_long");
  });

  test("with metadata: deleted acts as a deletion, non-indexable hides the value, expiry is told to the reader", async () => {
    await using db = await testDatabase();
    await set(db, ["gone", "1"], ["hidden", "1"], ["short", "1"]);
    await set(
      db,
      ["gone", "2", metadata({ deleted: true })],
      ["hidden", "2", metadata({ nonIndexable: true })],
      ["short", "2", metadata({ expiresAt: NOW_SECONDS + 10n })],
    );
    assert.equal(await codeOf(() => db.database.get(getRequest("gone"))), "key_not_found");
    assert.equal(brief(db.database.get(getRequest("hidden"))), "hidden=1@1#1");
    assert.equal(brief(db.database.get(getRequest("hidden", { atTx: 2n }))), "hidden=2@2#0");
    assert.deepEqual(db.database.get(getRequest("short")).metadata, metadata({ expiresAt: NOW_SECONDS + 10n }));
    db.clock.seconds += 9;
    assert.equal(await codeOf(() => db.database.get(getRequest("short"))), "none");
    db.clock.seconds += 1;
    assert.equal(await codeOf(() => db.database.get(getRequest("short"))), "key_expired");
    assert.equal(db.database.countAll(), 1n);
    await set(db, ["at once", "1", metadata({ expiresAt: 0n })]);
    assert.equal(await codeOf(() => db.database.get(getRequest("at once"))), "key_expired");
  });

  test("of header version 0 takes no metadata", async () => {
    await using db = await testDatabase({ writeTxHeaderVersion: 0 });
    assert.equal(await codeOf(() => set(db, ["k", "v", metadata({ deleted: true })])), "metadata_unsupported");
    assert.equal(await set(db, ["k", "v", metadata({})]), 1n, "metadata that says nothing is none");
    assert.equal(await codeOf(() => remove(db, "k")), "metadata_unsupported");
  });
});

describe("preconditions of set", () => {
  const refused = async (db: Awaited<ReturnType<typeof testDatabase>>, ...preconditions: Precondition[]) => {
    const error = await db.database.set(setRequest([["other", "v"]], preconditions)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) return "none";
    assert.ok(error instanceof StoreError || error instanceof DatabaseError);
    return `${error.code} ${String(error.data["precondition"] ?? error.data["reason"])}`;
  };

  test("hold or refuse the transaction by name", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    await set(db, ["k", "2"], ["d", "1"]);
    await remove(db, "d");
    const absent = utf8("absent");
    const deleted = utf8("d");
    for (const [expected, precondition] of [
      ["none", { kind: "key_must_exist", key }],
      ["precondition_failed KeyMustExist", { kind: "key_must_exist", key: absent }],
      ["precondition_failed KeyMustExist", { kind: "key_must_exist", key: deleted }],
      ["precondition_failed KeyMustNotExist", { kind: "key_must_not_exist", key }],
      ["none", { kind: "key_must_not_exist", key: absent }],
      ["none", { kind: "key_must_not_exist", key: deleted }],
      ["precondition_failed KeyNotModifiedAfterTxID", { kind: "key_not_modified_after_tx", key, txId: 1n }],
      ["none", { kind: "key_not_modified_after_tx", key, txId: 2n }],
      ["none", { kind: "key_not_modified_after_tx", key, txId: 1000n }],
      ["none", { kind: "key_not_modified_after_tx", key: absent, txId: 1n }],
      ["precondition_invalid null", { kind: "null" }],
      ["precondition_invalid null_key", { kind: "key_must_exist", key: new Uint8Array(0) }],
      ["precondition_invalid null_key", { kind: "key_must_not_exist", key: new Uint8Array(0) }],
      ["precondition_invalid null_key", { kind: "key_not_modified_after_tx", key: new Uint8Array(0), txId: 1n }],
      ["precondition_invalid invalid_tx", { kind: "key_not_modified_after_tx", key, txId: 0n }],
    ] as const) {
      assert.equal(await refused(db, precondition), expected, JSON.stringify(precondition.kind));
    }
  });

  test("must all hold", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    const holds: Precondition = { kind: "key_must_exist", key };
    const fails: Precondition = { kind: "key_must_not_exist", key };
    assert.equal(await refused(db, holds, holds), "none");
    assert.equal(await refused(db, holds, fails), "precondition_failed KeyMustNotExist");
  });

  test("let exactly one of many writers create a key", async () => {
    await using db = await testDatabase();
    const create = setRequest([["k", "v"]], [{ kind: "key_must_not_exist", key }]);
    const results = await Promise.all(Array.from({ length: 50 }, () => codeOf(() => db.database.set(create))));
    assert.equal(results.filter((code) => code === "none").length, 1);
    assert.equal(results.filter((code) => code === "precondition_failed").length, 49);
  });
});

describe("delete", () => {
  test("marks keys as deleted; they are gone, their history stays, and they can be set again", async () => {
    await using db = await testDatabase();
    await set(db, ["a", "1"], ["b", "1"]);
    assert.equal(await remove(db, "a", "b"), 2n);
    assert.equal(await codeOf(() => db.database.get(getRequest("a"))), "key_not_found");
    assert.equal(db.database.countAll(), 0n);
    assert.deepEqual(db.database.scan(scanRequest()), []);
    await set(db, ["a", "2"]);
    assert.equal(brief(db.database.get(getRequest("a"))), "a=2@3#3");
  });

  test("refuses keys that have no value now, and a transaction that is not there yet", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"], ["e", "1", metadata({ expiresAt: NOW_SECONDS })]);
    assert.equal(await codeOf(() => remove(db)), "no_entries");
    assert.equal(await codeOf(() => remove(db, "absent")), "key_not_found");
    assert.equal(await codeOf(() => remove(db, "k", "absent")), "key_not_found");
    assert.equal(await codeOf(() => remove(db, "e")), "key_expired");
    assert.equal(await codeOf(() => remove(db, "k", "k")), "duplicate_key");
    const since = { keys: [key], sinceTx: 2n, noWait: false };
    assert.equal(await codeOf(() => db.database.delete(since)), "illegal_arguments");
    assert.equal(await codeOf(() => db.database.delete({ ...since, sinceTx: 1n })), "none");
    assert.equal(await codeOf(() => remove(db, "k")), "key_not_found");
  });
});

describe("an answer", () => {
  test("has no more rows than one may", async () => {
    await using db = await testDatabase();
    for (let i = 0; i < 3; i++) await set(db, ...Array.from({ length: 1000 }, (_, j) => [`k${i}/${j}`, ""] as const));
    assert.equal(db.database.scan(scanRequest()).length, RESULT_ROWS_MAX);
    assert.equal(db.database.scan(scanRequest({ limit: RESULT_ROWS_MAX })).length, RESULT_ROWS_MAX);
    assert.equal(db.database.scan(scanRequest({ offset: 2900 })).length, 100);
    assert.equal(db.database.countAll(), 3000n);
    assert.equal(db.database.count(utf8("k1/")), 1000n);
    assert.equal(db.database.count(utf8("k1/99")), 11n);
    const error = await codeOf(() => db.database.scan(scanRequest({ limit: RESULT_ROWS_MAX + 1 })));
    assert.equal(error, "result_limit");
  });
});

describe("a replica", () => {
  test("refuses every write of a user, and answers reads", async () => {
    await using db = await testDatabase({ replicationSettings: { replica: true } });
    const { database } = db;
    const target = { key, atTx: 0n, boundRef: false };
    const reference = { key: utf8("r"), target, preconditions: [], noWait: false };
    const member = { set: utf8("s"), score: 1, target, noWait: false };
    const operation = { kind: "set", entry: { key, value: utf8("v"), metadata: undefined } } as const;
    const writes: readonly (() => Promise<unknown>)[] = [
      () => set(db, ["k", "v"]),
      () => remove(db, "k"),
      () => database.setReference(reference),
      () => database.zAdd(member),
      () => database.execAll({ operations: [operation], preconditions: [], noWait: false }),
      () => database.verifiableSet({ set: setRequest([["k", "v"]]), proveSinceTx: 0n }),
    ];
    for (const write of writes) assert.equal(await codeOf(write), "replica_read_only");
    assert.equal(await codeOf(() => database.get(getRequest("k"))), "key_not_found");
    assert.equal(database.state().txId, 0n);
  });
});
