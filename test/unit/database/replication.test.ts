// A primary and its replicas, database to database: what one hands out the other takes in, and nothing is acknowledged or seen
// before enough of them have it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concat, EMPTY, utf8 } from "../../../src/base/bytes.ts";
import { REPLICAS_MAX } from "../../../src/base/limits.ts";
import type { Database } from "../../../src/database/database.ts";
import type { ExportRequest, ReplicaState, TxExport } from "../../../src/database/replication.ts";
import { mergeSettings } from "../../../src/database/settings.ts";
import { decodeExportedTx, encodeExportedTx } from "../../../src/proof/exported-tx.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import {
  brief,
  codeOf,
  getRequest,
  historyRequest,
  scanRequest,
  setRequest,
  type TestDatabase,
  testDatabase,
} from "./support.ts";

const DAY_SECONDS = 86_400n;
const PRIMARY = { replicationSettings: { syncReplication: true, syncAcks: 2 } };
const REPLICA = { replicationSettings: { replica: true } };
const SYNC_REPLICA = { replicationSettings: { replica: true, syncReplication: true } };

function stateOf(database: Database, uuid = "replica"): ReplicaState {
  const { txId, txHash, precommittedTxId, precommittedTxHash } = database.state();
  return {
    uuid,
    committed: { txId, alh: txHash },
    precommitted: { txId: precommittedTxId, alh: precommittedTxHash },
  };
}

function request(tx: bigint, asked: Partial<ExportRequest> = {}): ExportRequest {
  return { tx, allowPrecommitted: false, skipIntegrityCheck: false, replica: undefined, ...asked };
}

function blobOf({ blob }: TxExport): Uint8Array {
  assert.ok(blob !== undefined, "the transaction came");
  const whole = concat(...blob.pieces());
  assert.equal(whole.length, blob.length);
  return whole;
}

const write = (database: Database, value: string) => database.set(setRequest([["k", value]]));

/** One round of a synchronous replica. Returns whether a transaction came. */
async function pull(primary: Database, replica: Database, uuid: string, signal?: AbortSignal): Promise<boolean> {
  const state = stateOf(replica, uuid);
  const asked = request(state.precommitted.txId + 1n, { allowPrecommitted: true, replica: state });
  const answer = await primary.exportTx(asked, signal);
  if (answer.blob !== undefined) await replica.replicateTx(blobOf(answer));
  if (answer.mayCommit !== undefined) await replica.commitUpTo(answer.mayCommit);
  return answer.blob !== undefined;
}

describe("an asynchronous replica", () => {
  test("takes in what its primary has committed, and shows it", async () => {
    await using primary = await testDatabase();
    await using replica = await testDatabase(REPLICA);
    for (const value of ["1", "2", "3"]) await write(primary.database, value);
    for (const tx of [1n, 2n, 3n]) {
      const answer = await primary.database.exportTx(request(tx));
      assert.equal(answer.committedTxId, 3n);
      assert.equal(answer.mayCommit, undefined);
      const { header } = await replica.database.replicateTx(blobOf(answer), { waitForIndexing: true });
      assert.equal(header.id, tx);
      assert.equal(replica.store.indexed, tx);
    }
    assert.deepEqual(replica.database.state(), primary.database.state());
    assert.equal(brief(replica.database.get(getRequest("k"))), brief(primary.database.get(getRequest("k"))));
  });

  test("is told that there is nothing new, or waits for it", async () => {
    await using primary = await testDatabase();
    const { database } = primary;
    assert.equal(await codeOf(() => database.exportTx(request(0n))), "illegal_arguments");
    assert.equal(await codeOf(() => database.exportTx(request(5n))), "no_new_transactions");
    const next = database.exportTx(request(1n));
    await write(database, "1");
    assert.ok((await next).blob !== undefined);
    const leaving = new AbortController();
    const left = codeOf(() => database.exportTx(request(2n), leaving.signal));
    leaving.abort();
    assert.equal(await left, "no_new_transactions");
    await using replica = await testDatabase(REPLICA);
    const asked = request(9n, { replica: stateOf(replica.database) });
    const nothing = database.exportTx(asked, leaving.signal);
    assert.deepEqual(await nothing, {
      blob: undefined,
      committedTxId: 1n,
      mayCommit: { txId: 0n, alh: sha256(new Uint8Array(0)) },
    });
  });

  test("alone takes transactions of others, and has no other writer", async () => {
    await using primary = await testDatabase();
    await using replica = await testDatabase(REPLICA);
    await write(primary.database, "1");
    const blob = blobOf(await primary.database.exportTx(request(1n)));
    for (const call of [
      () => primary.database.replicateTx(blob),
      () => primary.database.commitUpTo({ txId: 0n, alh: sha256(new Uint8Array(0)) }),
      () => primary.database.discardPrecommitted(),
    ])
      assert.equal(await codeOf(call), "not_a_replica");
    assert.equal(await codeOf(() => write(replica.database, "mine")), "replica_read_only");
  });

  test("that gets transactions without their values lists what is left of them, as their primary does", async () => {
    await using primary = await testDatabase();
    await using replica = await testDatabase(REPLICA);
    for (const value of ["1", "2"]) await write(primary.database, value);
    await primary.database.set(setRequest([["other", "o"]]));
    await write(primary.database, "3");
    await primary.database.set(setRequest([["last", "l"]]));
    await primary.store.truncateBefore(4n);
    for (const tx of [1n, 2n, 3n, 4n, 5n])
      await replica.database.replicateTx(blobOf(await primary.database.exportTx(request(tx))));
    for (const ask of [
      (database: Database) => database.history(historyRequest("k")).map((entry) => [brief(entry), entry.expired]),
      (database: Database) => database.scan(scanRequest()).map(brief),
      (database: Database) => database.countAll(),
      (database: Database) => brief(database.get(getRequest("k"))),
    ])
      assert.deepEqual(ask(replica.database), ask(primary.database));
    assert.equal(replica.database.countAll(), 2n);
    assert.equal(await codeOf(() => replica.database.get(getRequest("other"))), "value_truncated");
  });

  test("with another history is told apart from its primary", async () => {
    await using primary = await testDatabase();
    await using other = await testDatabase();
    await write(primary.database, "1");
    const ask = (replica: ReplicaState) => codeOf(() => primary.database.exportTx(request(2n, { replica })));
    await write(other.database, "another");
    assert.equal(await ask(stateOf(other.database)), "replica_commit_diverged");
    await write(other.database, "2");
    assert.equal(await ask(stateOf(other.database)), "replica_commit_diverged");
    const { committed } = stateOf(primary.database);
    const { committed: precommitted } = stateOf(other.database);
    assert.equal(await ask({ uuid: "r", committed, precommitted }), "replica_precommit_diverged");
    const behind = { txId: 0n, alh: committed.alh };
    assert.equal(await ask({ uuid: "r", committed, precommitted: behind }), "replica_precommit_diverged");
    const wrong = { txId: 1n, alh: sha256(utf8("wrong")) };
    assert.equal(await ask({ uuid: "r", committed: behind, precommitted: wrong }), "replica_precommit_diverged");
  });
});

describe("a primary with synchronous replication", () => {
  test("acknowledges a write, and shows it, when as many replicas have it as it needs", async () => {
    await using primary = await testDatabase(PRIMARY);
    await using one = await testDatabase(SYNC_REPLICA);
    await using two = await testDatabase(SYNC_REPLICA);
    let acknowledged = false;
    const writing = write(primary.database, "1").then(() => {
      acknowledged = true;
    });
    await pull(primary.database, one.database, "one");
    assert.equal(one.database.state().precommittedTxId, 1n);
    assert.equal(one.database.state().txId, 0n, "a replica does not commit by itself");
    const given = AbortSignal.abort();
    // The same replica again is no second one.
    await pull(primary.database, one.database, "one", given);
    await pull(primary.database, one.database, "one", given);
    assert.equal(primary.database.state().precommittedTxId, 1n);
    assert.equal(primary.database.state().txId, 0n);
    assert.equal(acknowledged, false);
    assert.equal(await codeOf(() => primary.database.get(getRequest("k"))), "key_not_found");
    assert.equal(await codeOf(() => primary.database.exportTx(request(2n))), "no_new_transactions");

    await pull(primary.database, two.database, "two");
    await pull(primary.database, two.database, "two");
    await writing;
    assert.equal(primary.database.state().txId, 1n);
    await pull(primary.database, one.database, "one");
    await pull(primary.database, two.database, "two");
    assert.deepEqual(one.database.state(), primary.database.state());
    assert.deepEqual(two.database.state(), primary.database.state());
    assert.equal(brief(one.database.get(getRequest("k"))), brief(primary.database.get(getRequest("k"))));
  });

  test("goes on with many writers and replicas that come and go", async () => {
    await using primary = await testDatabase({ replicationSettings: { syncReplication: true, syncAcks: 1 } });
    await using one = await testDatabase(SYNC_REPLICA);
    await using two = await testDatabase(SYNC_REPLICA);
    const writes = Promise.all(Array.from({ length: 50 }, (_, i) => write(primary.database, String(i))));
    while (primary.database.state().txId < 20n) await pull(primary.database, one.database, "one");
    while (primary.database.state().txId < 50n) await pull(primary.database, two.database, "two");
    await writes;
    for (const { database } of [one, two])
      while (database.state().txId < 50n)
        await pull(primary.database, database, database === one.database ? "one" : "two");
    assert.deepEqual(one.database.state(), primary.database.state());
    assert.deepEqual(two.database.state(), primary.database.state());
  });

  test("refuses for what may be taken back only when it is committed", async () => {
    await using primary = await testDatabase(PRIMARY);
    const first = write(primary.database, "1");
    const absent = [{ kind: "key_must_not_exist" as const, key: utf8("k") }];
    let refused = false;
    const second = codeOf(() => primary.database.set(setRequest([["k", "2"]], absent))).then((code) => {
      refused = true;
      return code;
    });
    await settle(primary);
    assert.equal(primary.database.state().precommittedTxId, 1n);
    assert.equal(refused, false);
    await primary.store.commitUpTo(1n);
    await first;
    assert.equal(await second, "precondition_failed");
  });

  test("tells writers who still wait when it closes that their writes are stored", async () => {
    const primary = await testDatabase(PRIMARY);
    const writing = codeOf(() => write(primary.database, "1"));
    await settle(primary);
    await primary.database.close();
    assert.equal(await writing, "unacknowledged");
  });

  test("that becomes an asynchronous one while it is served commits what waits, and the other way round waits again", async () => {
    await using primary = await testDatabase(PRIMARY);
    const { database } = primary;
    const waiting = write(database, "1");
    await settle(primary);
    assert.equal(database.state().txId, 0n);
    const { settings } = database;
    const alone = { ...settings, replicationSettings: { ...settings.replicationSettings, syncReplication: false } };
    await database.apply({ name: "testdb", settings: alone });
    await waiting;
    await write(database, "2");
    assert.equal(database.state().txId, 2n);
    await database.apply({ name: "testdb", settings });
    const again = codeOf(() => write(database, "3"));
    await settle(primary);
    assert.deepEqual([database.state().txId, database.state().precommittedTxId], [2n, 3n]);
    await database.close();
    assert.equal(await again, "unacknowledged");
  });

  test("listens to so many replicas and no more, and forgets none of them", async () => {
    await using primary = await testDatabase(PRIMARY);
    await using replica = await testDatabase(SYNC_REPLICA);
    const ask = (uuid: string) =>
      primary.database.exportTx(request(1n, { replica: stateOf(replica.database, uuid) }), AbortSignal.abort());
    for (let i = 0; i < REPLICAS_MAX; i++) await ask(String(i));
    assert.equal(await codeOf(() => ask("one more")), "replicas_max");
    await ask("0");
  });
});

describe("a synchronous replica", () => {
  test("commits as far as it is told, and no other history", async () => {
    await using primary = await testDatabase();
    await using replica = await testDatabase(SYNC_REPLICA);
    for (const value of ["1", "2", "3"]) await write(primary.database, value);
    for (const tx of [1n, 2n]) await replica.database.replicateTx(blobOf(await primary.database.exportTx(request(tx))));
    const point = (txId: bigint) => ({ txId, alh: primary.store.log.alh(txId) });
    assert.equal(await codeOf(() => replica.database.commitUpTo(point(3n))), "illegal_state");
    const wrong = { txId: 1n, alh: sha256(utf8("wrong")) };
    assert.equal(await codeOf(() => replica.database.commitUpTo(wrong)), "tx_diverged");
    await replica.database.commitUpTo(point(2n));
    await replica.database.commitUpTo(point(1n));
    assert.equal(await codeOf(() => replica.database.commitUpTo(wrong)), "tx_diverged");
    assert.equal(replica.database.state().txId, 2n);
  });

  test("drops what it has and its primary never committed, and follows again", async () => {
    await using lost = await testDatabase();
    await using primary = await testDatabase();
    await using replica = await testDatabase(SYNC_REPLICA);
    const copy = async (from: TestDatabase, tx: bigint): Promise<void> => {
      await replica.database.replicateTx(blobOf(await from.database.exportTx(request(tx))));
    };
    for (const source of [lost, primary]) await write(source.database, "common");
    for (const value of ["a", "b"]) await write(lost.database, value);
    await write(primary.database, "c");
    for (const tx of [1n, 2n, 3n]) await copy(lost, tx);
    await replica.database.commitUpTo({ txId: 1n, alh: primary.store.log.alh(1n) });
    const ask = () => primary.database.exportTx(request(4n, { replica: stateOf(replica.database) }));
    assert.equal(await codeOf(ask), "replica_precommit_diverged");
    assert.equal(await codeOf(() => copy(primary, 2n)), "tx_diverged");
    assert.equal(await replica.database.discardPrecommitted(), 2n);
    await copy(primary, 2n);
    await replica.database.commitUpTo({ txId: 2n, alh: primary.store.log.alh(2n) });
    assert.deepEqual(replica.database.state(), primary.database.state());
    assert.equal(await replica.database.discardPrecommitted(), 0n);
  });
});

async function settle({ store }: TestDatabase): Promise<void> {
  await store.settled();
}

test("who writes with the name of a caller is held to the settings as they are now", async () => {
  await using primary = await testDatabase();
  const named = primary.database.withExtra(utf8("alice"));
  await write(named, "1");
  const settings = mergeSettings(primary.database.settings, REPLICA);
  await primary.database.apply({ name: "testdb", settings });
  assert.equal(named.isReplica, true);
  assert.equal(await codeOf(() => write(named, "2")), "replica_read_only");
});

test("no value is removed that is younger than one before it, though times went back where it comes from", async () => {
  await using source = await testDatabase();
  await using replica = await testDatabase(REPLICA);
  for (const value of ["1", "2"]) await write(source.database, value);
  const [first, second] = [
    blobOf(await source.database.exportTx(request(1n))),
    decodeExportedTx(blobOf(await source.database.exportTx(request(2n)))),
  ];
  const { header, entries } = second;
  const asEntries = entries.map(({ value = EMPTY, ...entry }) => ({ ...entry, vLen: value.length }));
  const old = { header: { ...header, ts: header.ts - 10n * DAY_SECONDS }, entries: asEntries, truncated: false };
  const storeValue = (index: number) => [entries[index]?.value ?? EMPTY];
  await replica.database.replicateTx(first);
  await replica.database.replicateTx(concat(...encodeExportedTx({ ...old, storeValue })));
  const settings = mergeSettings(replica.database.settings, { replicationSettings: { replica: false } });
  await replica.database.apply({ name: "testdb", settings });
  replica.clock.seconds += Number(DAY_SECONDS / 2n);
  await write(replica.database, "3");
  assert.equal(await replica.database.truncate(Number(DAY_SECONDS) * 1000), 1n);
  replica.clock.seconds += Number(DAY_SECONDS);
  assert.equal(await replica.database.truncate(Number(DAY_SECONDS) * 1000), 3n);
});
