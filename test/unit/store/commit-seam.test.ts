// The three calls that a replica and a distributed log need: append (durable, not visible), commitUpTo, discardAfter.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { equalBytes, toHex, utf8 } from "../../../src/base/bytes.ts";
import { PRECOMMITTED_TXS_MAX } from "../../../src/base/limits.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import type { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import {
  codeOf,
  Gate,
  hooked,
  inDirectory,
  type OpenStore,
  onDisk,
  onSimulatedDisk,
  SETTINGS,
  setOf,
  turns,
} from "./support.ts";

const WAITING = { commitsAlone: false };
const KEY = plainKey(utf8("k"));

/** Runs `body` with a way to open a log that waits for others, on LMDB and on the simulated disk. */
function onBothEngines(name: string, body: (open: OpenStore) => Promise<void>): void {
  test(`${name} (LMDB)`, () => inDirectory((directory) => body(onDisk(directory))));
  test(`${name} (simulated disk)`, () => body(onSimulatedDisk()));
}

const commitMany = async (store: Store, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await store.precommit(setOf(["k", String(i)], [`k${i}`, "x".repeat(i * 50)]));
};

/** Every header follows the one before it, and the history tree says so too. */
function checkChain(store: Store, last: bigint): void {
  for (let txId = 1n; txId <= last; txId++) {
    const header = store.log.header(txId);
    if (txId > 1n) assert.ok(equalBytes(header.prevAlh, store.log.alh(txId - 1n)));
    const target = store.log.header(last);
    verifyDualProof(buildDualProof(header, target, store.log), txId, last, alh(header), alh(target));
  }
}

describe("a log that waits for others", () => {
  onBothEngines("appends what no reader sees, also after it was opened again", async (open) => {
    const store = await open(WAITING);
    await commitMany(store, 3);
    assert.equal(store.precommitted.txId, 3n);
    assert.equal(store.committed.txId, 0n);
    assert.equal(store.latest(KEY), undefined);
    assert.deepEqual([...store.scan({ from: undefined, to: undefined, reverse: false })], []);
    const end = toHex(store.precommitted.alh);
    await store.close();

    const again = await open(WAITING);
    assert.equal(toHex(again.precommitted.alh), end);
    assert.equal(again.committed.txId, 0n);
    assert.equal(again.latest(KEY), undefined);
    // The writer builds on what is precommitted, readers do not see it.
    const exists = { ...setOf(["k", "new"]), preconditions: [{ kind: "key_must_not_exist" as const, key: KEY }] };
    assert.equal(await codeOf(() => again.precommit(exists)), "precondition_failed");
    await again.precommit(setOf(["k", "3"]));
    await again.commitUpTo(4n);
    assert.deepEqual(again.latest(KEY), { txId: 4n, entry: 0, revision: 4n, metadata: undefined });
    checkChain(again, 4n);
    await again.close();
  });

  onBothEngines("shows transactions up to the one it was told to commit, durably", async (open) => {
    const store = await open(WAITING);
    await commitMany(store, 5);
    await store.commitUpTo(2n);
    assert.equal(store.committed.txId, 2n);
    assert.equal(toHex(store.committed.alh), toHex(store.log.alh(2n)));
    assert.equal(store.latest(KEY)?.txId, 2n);
    await store.settled();
    assert.equal(store.indexed, 2n, "what may still be taken back is not indexed");
    assert.equal(store.latest(KEY)?.revision, 2n);
    await store.commitUpTo(1n);
    assert.equal(store.committed.txId, 2n, "committing less takes nothing back");
    assert.equal(await codeOf(() => store.commitUpTo(6n)), "illegal_state");
    await store.close();

    const again = await open(WAITING);
    assert.equal(again.committed.txId, 2n);
    assert.equal(again.latest(KEY)?.txId, 2n);
    assert.equal(again.precommitted.txId, 5n);
    await again.close();
  });

  onBothEngines("takes back what was not committed, with its history tree nodes, and goes on", async (open) => {
    const store = await open(WAITING);
    await commitMany(store, 8);
    await store.commitUpTo(5n);
    const kept = toHex(store.log.alh(5n));
    const discarded = toHex(store.log.node(1, 2));
    assert.equal(await codeOf(() => store.discardAfter(4n)), "illegal_state");
    assert.equal(store.precommitted.txId, 8n, "a refused discard changes nothing");

    await store.discardAfter(5n);
    assert.equal(store.precommitted.txId, 5n);
    assert.equal(toHex(store.precommitted.alh), kept);
    assert.equal(await codeOf(() => store.log.record(6n)), "tx_not_found");
    // Node (1, 2) belonged to transaction 6, (3, 0) to transaction 8.
    assert.equal(await codeOf(() => store.log.node(1, 2)), "damaged");
    assert.equal(await codeOf(() => store.log.node(3, 0)), "damaged");
    assert.equal(await codeOf(() => store.commitUpTo(6n)), "illegal_state");

    // A key that only a discarded transaction wrote can be written as a new one.
    const fresh = {
      ...setOf(["k6", "again"]),
      preconditions: [{ kind: "key_must_not_exist" as const, key: plainKey(utf8("k6")) }],
    };
    const header = await store.precommit(fresh);
    assert.equal(header.id, 6n);
    assert.equal(toHex(header.prevAlh), kept);
    for (let i = 0; i < 10; i++) await store.precommit(setOf(["k", `after ${i}`]));
    await store.commitUpTo(16n);
    checkChain(store, 16n);
    assert.notEqual(toHex(store.log.node(1, 2)), discarded);
    assert.equal(store.latest(KEY)?.revision, 15n);
    await store.settled();
    await store.close();

    const again = await open(WAITING);
    assert.equal(again.latest(KEY)?.revision, 15n);
    checkChain(again, 16n);
    await again.close();
  });

  onBothEngines("may take back everything", async (open) => {
    await using store = await open(WAITING);
    await commitMany(store, 3);
    await store.discardAfter(0n);
    assert.equal(store.precommitted.txId, 0n);
    const header = await store.precommit(setOf(["k", "first"]));
    assert.equal(header.id, 1n);
    assert.equal(header.blTxId, 0n);
  });

  onBothEngines("lets writes wait while it takes others back, and two discards take turns", async (open) => {
    await using store = await open(WAITING);
    await commitMany(store, 4);
    const inFlight = store.precommit(setOf(["k", "in flight"]));
    const discards = Promise.all([store.discardAfter(3n), store.discardAfter(2n)]);
    const after = store.precommit(setOf(["k", "after"]));
    assert.equal((await inFlight).id, 5n);
    await discards;
    assert.equal((await after).id, 3n);
    await store.commitUpTo(3n);
    checkChain(store, 3n);
  });

  onBothEngines("becomes one that commits alone: what it holds is committed, for good", async (open) => {
    const waiting = await open(WAITING);
    await commitMany(waiting, 4);
    await waiting.commitUpTo(1n);
    await waiting.close();

    const alone = await open();
    assert.equal(alone.committed.txId, 4n);
    await alone.commit(setOf(["k", "alone"]));
    await alone.close();
    const again = await open();
    assert.equal(again.committed.txId, 5n, "an acknowledged write stays visible");
    await again.close();

    const waitingAgain = await open(WAITING);
    assert.equal(waitingAgain.committed.txId, 5n);
    await waitingAgain.precommit(setOf(["k", "waiting"]));
    assert.equal(waitingAgain.committed.txId, 5n);
    await waitingAgain.close();
    const last = await open(WAITING);
    assert.equal(last.committed.txId, 5n);
    await last.close();
  });

  test("never goes back when commits to different points and appends overlap", () =>
    inDirectory(async (directory) => {
      const gate = new Gate();
      const driver = hooked(lmdbDriver, {
        before: (environment) => (environment === "log" ? gate.passed() : undefined),
      });
      const store = await onDisk(directory)({ ...WAITING, driver });
      await commitMany(store, 4);
      gate.shut();
      const overlapping = [store.commitUpTo(4n), store.commitUpTo(2n), store.precommit(setOf(["k", "beside"]))];
      gate.open();
      await Promise.all(overlapping);
      assert.equal(store.committed.txId, 4n);
      await store.close();
      const again = await onDisk(directory)(WAITING);
      assert.equal(again.committed.txId, 4n);
      assert.equal(again.precommitted.txId, 5n);
      await again.close();
    }));

  test("has so many transactions at most that are not committed, those that are being written included", async () => {
    await using store = await onSimulatedDisk()(WAITING);
    const writes = Array.from({ length: PRECOMMITTED_TXS_MAX + 1500 }, () => store.precommit(setOf(["k", "v"])));
    await writes[PRECOMMITTED_TXS_MAX - 1];
    await turns(50);
    assert.equal(store.precommitted.txId, BigInt(PRECOMMITTED_TXS_MAX));
    await store.commitUpTo(1000n);
    await writes[PRECOMMITTED_TXS_MAX + 999];
    await turns(50);
    assert.equal(store.precommitted.txId, BigInt(PRECOMMITTED_TXS_MAX + 1000));
    await store.commitUpTo(2000n);
    await Promise.all(writes);
  });

  test("acknowledges nothing by itself that was handed to it while it committed alone", async () => {
    await using store = await onSimulatedDisk()();
    await store.commit(setOf(["k", "1"]));
    const switching = store.configure(SETTINGS, { ...WAITING, valuesInSegments: false, foreignTxsAheadMax: 10 });
    let isAnswered = false;
    const written = store.commit(setOf(["k", "2"])).then(() => {
      isAnswered = true;
    });
    await switching;
    while (store.precommitted.txId < 2n) await turns(1);
    await turns(10);
    assert.deepEqual([store.committed.txId, isAnswered], [1n, false]);
    await store.commitUpTo(2n);
    await written;
  });

  test("is read-only after a discard that failed, since the end of the log is not known", async () => {
    let failing = false;
    const disk = new SimulatedDisk({ random: new SeededRandom(3), fault: () => (failing ? "stored" : "none") });
    const open = onSimulatedDisk(disk);
    const store = await open(WAITING);
    await commitMany(store, 4);
    await store.commitUpTo(2n);
    failing = true;
    await assert.rejects(store.discardAfter(2n), /simulated write failure/);
    failing = false;
    assert.equal(await codeOf(() => store.precommit(setOf(["k", "v"]))), "read_only");
    assert.equal(store.latest(KEY)?.txId, 2n, "reads go on");
    await store.close();
    const again = await open(WAITING);
    assert.equal(again.precommitted.txId, 2n);
    assert.equal((await again.precommit(setOf(["k", "v"]))).id, 3n);
    await again.close();
  });
});
