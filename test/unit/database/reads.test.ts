import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { RESULT_ROWS_MAX } from "../../../src/base/limits.ts";
import type { GetRequest } from "../../../src/database/requests.ts";
import type { Entry } from "../../../src/proof/model.ts";
import {
  brief,
  codeOf,
  getRequest,
  historyRequest,
  metadata,
  NOW_SECONDS,
  refer,
  remove,
  scanRequest,
  set,
  type TestDatabase,
  testDatabase,
} from "./support.ts";

/** What get answers: the entry in short, or the code of its refusal. */
async function got({ database }: TestDatabase, key: string, asked: Partial<GetRequest> = {}): Promise<unknown> {
  let entry: Entry | undefined;
  const code = await codeOf(() => {
    entry = database.get(getRequest(key, asked));
  });
  return entry === undefined ? code : brief(entry);
}

/** k: 1 "one", 2 "two", 3 deleted, 4 "four". */
async function withHistory(): Promise<TestDatabase> {
  const db = await testDatabase();
  await set(db, ["k", "one"], ["other", "1"]);
  await set(db, ["k", "two"]);
  await remove(db, "k");
  await set(db, ["k", "four"]);
  return db;
}

describe("get", () => {
  test("answers the latest value, its transaction and its revision", async () => {
    await using db = await withHistory();
    assert.equal(await got(db, "k"), "k=four@4#4");
    assert.equal(await got(db, "other"), "other=1@1#1");
    assert.equal(await got(db, "absent"), "key_not_found");
    assert.equal(await got(db, ""), "empty_key");
  });

  test("at a transaction: what exactly that one wrote", async () => {
    await using db = await withHistory();
    assert.equal(await got(db, "k", { atTx: 1n }), "k=one@1#0");
    assert.equal(await got(db, "k", { atTx: 2n }), "k=two@2#0");
    assert.equal(await got(db, "k", { atTx: 3n }), "key_not_found");
    assert.equal(await got(db, "other", { atTx: 2n }), "key_not_found");
    assert.equal(await got(db, "k", { atTx: 5n }), "tx_not_found");
    assert.equal(await got(db, "k", { atTx: 1n, sinceTx: 1n }), "at_tx_with_since");
    assert.equal(await got(db, "k", { atTx: 1n, atRevision: 1n }), "at_tx_with_revision");
  });

  test("at a revision, counted from the first or back from the latest", async () => {
    await using db = await withHistory();
    for (const [atRevision, expected] of [
      [0n, "k=four@4#4"],
      [1n, "k=one@1#1"],
      [2n, "k=two@2#2"],
      [3n, "key_not_found"],
      [4n, "k=four@4#4"],
      [5n, "revision_not_found"],
      [-1n, "key_not_found"],
      [-2n, "k=two@2#2"],
      [-3n, "k=one@1#1"],
      [-4n, "revision_not_found"],
    ] as const) {
      assert.equal(await got(db, "k", { atRevision }), expected, String(atRevision));
    }
    assert.equal(await got(db, "absent", { atRevision: 1n }), "key_not_found");
  });

  test("since a transaction: not before it is there", async () => {
    await using db = await withHistory();
    assert.equal(await got(db, "k", { sinceTx: 4n }), "k=four@4#4");
    assert.equal(await got(db, "k", { sinceTx: 5n }), "since_future");
    assert.equal(await got(db, "k", { sinceTx: 4n, atRevision: 1n }), "k=one@1#1");
  });

  test("knows an expired value from an absent one, at every point", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1", metadata({ expiresAt: NOW_SECONDS })]);
    assert.equal(await got(db, "k"), "key_expired");
    assert.equal(await got(db, "k", { atTx: 1n }), "key_expired");
    assert.equal(await got(db, "k", { atRevision: 1n }), "key_expired");
    await set(db, ["k", "2"]);
    assert.equal(await got(db, "k"), "k=2@2#2");
    assert.equal(await got(db, "k", { atRevision: -1n }), "key_expired");
  });

  test("answers the same while the index has not caught up", async () => {
    await using db = await withHistory();
    const before = await got(db, "k", { atRevision: 2n });
    await db.database.settled();
    assert.equal(await got(db, "k", { atRevision: 2n }), before);
    assert.equal(await got(db, "k"), "k=four@4#4");
  });
});

describe("getAll", () => {
  test("answers in the order asked for, leaves out what has no value, keeps repetitions", async () => {
    await using db = await withHistory();
    await set(db, ["e", "1", metadata({ expiresAt: NOW_SECONDS })], ["z", ""]);
    const { database } = db;
    const keys = ["z", "absent", "k", "e", "z"].map(utf8);
    assert.deepEqual(database.getAll({ keys, sinceTx: 0n }).map(brief), ["z=@5#1", "k=four@4#4", "z=@5#1"]);
    assert.deepEqual(database.getAll({ keys: [], sinceTx: 5n }), []);
    assert.equal(await codeOf(() => database.getAll({ keys, sinceTx: 6n })), "illegal_arguments");
  });
});

describe("a reference", () => {
  test("answers as its target; unbound it follows the latest value, bound it stays", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    await refer(db, "free", "k");
    await refer(db, "bound", "k", 1n);
    await set(db, ["k", "2"]);
    assert.equal(await got(db, "free"), "k=2@4#2 by free@2#1");
    assert.equal(await got(db, "bound"), "k=1@1#0 by bound@3#1");
    assert.equal(await got(db, "free", { atTx: 2n }), "k=2@4#2 by free@2#0");
    assert.deepEqual(db.database.get(getRequest("bound")).referencedBy, {
      tx: 3n,
      key: utf8("bound"),
      atTx: 1n,
      metadata: undefined,
      revision: 1n,
    });
    const entries = db.database.scan(scanRequest()).map(brief);
    assert.deepEqual(entries, ["k=1@1#0 by bound@3#1", "k=2@4#2 by free@2#1", "k=2@4#2"]);
    assert.deepEqual(db.database.getAll({ keys: [utf8("free")], sinceTx: 0n }).map(brief), ["k=2@4#2 by free@2#1"]);
  });

  test("to a key that is deleted breaks when it is unbound, and only then", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    await refer(db, "free", "k");
    await refer(db, "bound", "k", 1n);
    await remove(db, "k");
    assert.equal(await got(db, "free"), "key_not_found");
    assert.equal(await got(db, "bound"), "k=1@1#0 by bound@3#1");
    assert.deepEqual(db.database.scan(scanRequest()).map(brief), ["k=1@1#0 by bound@3#1"]);
    assert.equal(db.database.getAll({ keys: [utf8("free"), utf8("bound")], sinceTx: 0n }).length, 1);
  });
});

describe("history", () => {
  test("lists every version, deletions and expired ones without a value", async () => {
    await using db = await withHistory();
    await set(db, ["k", "five", metadata({ expiresAt: NOW_SECONDS })]);
    const entries = db.database.history(historyRequest("k"));
    assert.deepEqual(entries.map(brief), ["k=one@1#1", "k=two@2#2", "k=@3#3", "k=four@4#4", "k=@5#5"]);
    assert.deepEqual(
      entries.map(({ metadata: attributes, expired }) => [attributes?.deleted ?? false, expired]),
      [
        [false, false],
        [false, false],
        [true, false],
        [false, false],
        [false, true],
      ],
    );
    assert.deepEqual(db.database.history(historyRequest("k", { desc: true })).map(brief), entries.map(brief).reverse());
  });

  test("ends with its own answers", async () => {
    await using db = await withHistory();
    const code = (key: string, asked: object): Promise<unknown> =>
      codeOf(() => db.database.history(historyRequest(key, asked)));
    assert.equal(await code("absent", {}), "key_not_found");
    assert.equal(await code("", {}), "key_not_found");
    assert.equal(await code("k", { offset: 4 }), "no_more_entries");
    assert.deepEqual(db.database.history(historyRequest("k", { offset: 5 })), []);
    assert.equal(await code("k", { limit: -1 }), "history_limit_negative");
    assert.equal(await code("k", { limit: RESULT_ROWS_MAX + 1 }), "result_limit");
    assert.equal(await code("k", { limit: RESULT_ROWS_MAX }), "none");
    assert.equal(await code("k", { sinceTx: 5n }), "illegal_arguments");
    assert.equal(await code("k", { sinceTx: 4n }), "none");
  });

  test("is the same slice of all versions whatever is asked for, before and after indexing", async () => {
    await using db = await testDatabase();
    for (let i = 1; i <= 20; i++) await set(db, ["k", String(i)], [`beside ${i}`, ""]);
    for (const round of ["lagging", "indexed"]) {
      for (const desc of [false, true]) {
        const all = Array.from({ length: 20 }, (_, i) => (desc ? 20 - i : i + 1)).map((i) => `k=${i}@${i}#${i}`);
        for (let offset = 0; offset < 20; offset++) {
          for (const limit of [0, 1, 2, 7, 19, 20, 50]) {
            const found = db.database.history(historyRequest("k", { offset, limit, desc })).map(brief);
            assert.deepEqual(
              found,
              all.slice(offset, limit === 0 ? undefined : offset + limit),
              `${round} ${offset} ${limit}`,
            );
          }
        }
      }
      await db.database.settled();
    }
  });
});
