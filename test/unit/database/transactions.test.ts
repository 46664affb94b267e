import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex, utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { RESULT_ROWS_MAX } from "../../../src/base/limits.ts";
import type { EntriesSpec, EntryAction, TxScanRequest } from "../../../src/database/requests.ts";
import { plainKey, plainValue, sortedSetKey } from "../../../src/proof/keys.ts";
import type { Tx } from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import {
  brief,
  codeOf,
  refer,
  remove,
  set,
  type TestDatabase,
  testDatabase,
  txRequest,
  txScanRequest,
} from "./support.ts";

const spec = (asked: Partial<EntriesSpec>): EntriesSpec => ({ kv: undefined, z: undefined, sql: undefined, ...asked });

/** Writes one transaction with an entry of every kind. */
async function setEveryKind({ store }: TestDatabase): Promise<bigint> {
  const entry = (key: Uint8Array, value: Uint8Array) => ({ key, value, metadata: undefined });
  const entries = [
    entry(plainKey(utf8("k")), plainValue(utf8("v"))),
    entry(sortedSetKey(utf8("set"), 1.5, utf8("k"), 0n), new Uint8Array(0)),
    entry(Uint8Array.of(2, 9), utf8("row")),
    entry(Uint8Array.of(3, 9), utf8("document")),
  ];
  return (await store.commit({ entries, preconditions: [], metadata: undefined })).id;
}

/** Prefix bytes of the listed entries, and whether each came with its value. */
const listed = (tx: Tx): string =>
  tx.entries.map(({ key, value }) => `${key[0]}${value === undefined ? "" : "+"}`).join(" ");

describe("a transaction by its id", () => {
  test("comes with the digests of all its entries when nothing is specified", async () => {
    await using db = await testDatabase();
    await set(db, ["a", "1"], ["b", "22"]);
    const tx = db.database.txById(txRequest(1n));
    assert.equal(tx.header.id, 1n);
    assert.equal(tx.header.nentries, 2);
    assert.equal(tx.kvEntries, undefined);
    assert.deepEqual(
      tx.entries.map(({ key, vLen, hValue, value }) => [utf8ToString(key.subarray(1)), vLen, toHex(hValue), value]),
      [
        ["a", 2, toHex(sha256(plainValue(utf8("1")))), undefined],
        ["b", 3, toHex(sha256(plainValue(utf8("22")))), undefined],
      ],
    );
  });

  test("is refused by name when it cannot be", async () => {
    await using db = await testDatabase();
    await set(db, ["a", "1"]);
    const { database } = db;
    assert.equal(await codeOf(() => database.txById(txRequest(0n))), "illegal_arguments");
    assert.equal(await codeOf(() => database.txById(txRequest(2n))), "tx_not_found");
    assert.equal(await codeOf(() => database.txById(txRequest(1n, { sinceTx: 2n }))), "illegal_arguments");
    assert.equal(await codeOf(() => database.txById(txRequest(1n, { sinceTx: 1n }))), "none");
  });

  test("lists each kind of entry in the form that is specified for it", async () => {
    await using db = await testDatabase();
    const id = await setEveryKind(db);
    const all = (action: EntryAction): EntriesSpec => spec({ kv: action, z: action, sql: action });
    for (const [asked, expected] of [
      [undefined, "0 1 2 3"],
      [spec({}), ""],
      [all("exclude"), ""],
      [all("only_digest"), "0 1 2"],
      [all("raw_value"), "0+ 1+ 2+"],
      [spec({ kv: "raw_value", z: "only_digest" }), "0+ 1"],
      [spec({ sql: "raw_value" }), "2+"],
    ] as const) {
      const tx = db.database.txById(txRequest(id, { entriesSpec: asked }));
      assert.equal(listed(tx), expected);
      assert.equal(tx.header.nentries, 4);
    }
    const resolved = db.database.txById(txRequest(id, { entriesSpec: spec({ kv: "resolve", z: "resolve" }) }));
    assert.equal(listed(resolved), "");
    assert.deepEqual(resolved.kvEntries?.map(brief), ["k=v@1#0"]);
    const [member] = resolved.zEntries ?? [];
    assert.equal(utf8ToString(member?.set ?? new Uint8Array(0)), "set");
    assert.equal(member?.score, 1.5);
    assert.equal(member?.entry && brief(member.entry), "k=v@1#1");
    const rows = txRequest(id, { entriesSpec: spec({ sql: "resolve" }) });
    assert.equal(await codeOf(() => db.database.txById(rows)), "illegal_arguments");
  });

  test("follows references unless they are to be kept", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    const id = await refer(db, "r", "k");
    await set(db, ["k", "2"]);
    const entriesSpec = spec({ kv: "resolve" });
    const followed = db.database.txById(txRequest(id, { entriesSpec }));
    assert.deepEqual(followed.kvEntries?.map(brief), ["k=2@3#2 by r@2#0"]);
    const kept = db.database.txById(txRequest(id, { entriesSpec, keepReferencesUnresolved: true }));
    assert.deepEqual(kept.kvEntries?.map(brief), ["k=@0#0 by r@2#0"]);
  });

  test("leaves a deletion out where it is to be resolved, as Get finds nothing there, and lists it otherwise", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    const id = await remove(db, "k");
    const tx = db.database.txById(txRequest(id, { entriesSpec: spec({ kv: "resolve" }) }));
    assert.deepEqual(tx.kvEntries, []);
    assert.equal(listed(db.database.txById(txRequest(id, { entriesSpec: spec({ kv: "raw_value" }) }))), "0+");
  });
});

describe("a scan of transactions", () => {
  const ids = ({ database }: TestDatabase, initialTx: bigint, asked: Partial<TxScanRequest> = {}): string =>
    database
      .txScan(txScanRequest(initialTx, asked))
      .map(({ header }) => header.id)
      .join(" ");

  test("goes either way from where it starts, and ends where transactions end", async () => {
    await using db = await testDatabase();
    assert.equal(ids(db, 1n), "");
    for (let i = 0; i < 5; i++) await set(db, ["k", String(i)]);
    assert.equal(ids(db, 1n), "1 2 3 4 5");
    assert.equal(ids(db, 4n), "4 5");
    assert.equal(ids(db, 2n, { limit: 2 }), "2 3");
    assert.equal(ids(db, 4n, { desc: true }), "4 3 2 1");
    assert.equal(ids(db, 5n, { desc: true, limit: 2 }), "5 4");
    assert.equal(ids(db, 6n), "");
    assert.equal(ids(db, 2n ** 64n - 1n), "");
    const [tx] = db.database.txScan(txScanRequest(5n, { entriesSpec: spec({ kv: "resolve" }) }));
    assert.deepEqual(tx?.kvEntries?.map(brief), ["k=4@5#0"]);
  });

  test("is refused by name when it cannot be", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    const code = (initialTx: bigint, asked: Partial<TxScanRequest>): Promise<unknown> =>
      codeOf(() => ids(db, initialTx, asked));
    assert.equal(await code(0n, {}), "illegal_arguments");
    assert.equal(await code(1n, { limit: RESULT_ROWS_MAX + 1 }), "result_limit");
    assert.equal(await code(1n, { limit: RESULT_ROWS_MAX }), "none");
    assert.equal(await code(1n, { sinceTx: 2n }), "illegal_arguments");
  });
});
