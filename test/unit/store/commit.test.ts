import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { u32, utf8 } from "../../../src/base/bytes.ts";
import {
  COMMIT_QUEUE_BYTES_MAX,
  COMMIT_QUEUE_MAX,
  GROUP_TRANSACTIONS_MAX,
  OVERLAY_VERSIONS_MAX,
} from "../../../src/base/limits.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { KvMetadata } from "../../../src/proof/model.ts";
import { EMPTY_ALH } from "../../../src/proof/tx-header.ts";
import type { ChainPoint } from "../../../src/store/chain.ts";
import { Committer } from "../../../src/store/committer.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { Overlay } from "../../../src/store/overlay.ts";
import type { Precondition, TxSpec } from "../../../src/store/tx-spec.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import {
  codeOf,
  Gate,
  hooked,
  inDirectory,
  NOW_SECONDS,
  onDisk,
  onSimulatedDisk,
  SETTINGS,
  setOf,
  turns,
} from "./support.ts";

const key = (text: string): Uint8Array => plainKey(utf8(text));
const EMPTY_CHAIN: ChainPoint = { txId: 0n, alh: EMPTY_ALH, ts: 0n, peaks: [] };
const none: KvMetadata = { deleted: false, expiresAt: undefined, nonIndexable: false };
const specOf = (entries: TxSpec["entries"]): TxSpec => ({ entries, preconditions: [], metadata: undefined });
const entry = (keyBytes: number, valueBytes: number): TxSpec["entries"][number] => ({
  key: new Uint8Array(keyBytes),
  value: new Uint8Array(valueBytes),
  metadata: undefined,
});
const numbered = (count: number): TxSpec =>
  specOf(
    Array.from({ length: count }, (_, i) => ({
      key: plainKey(u32(i)),
      value: plainValue(u32(i)),
      metadata: undefined,
    })),
  );

async function refusal(run: () => Promise<unknown>): Promise<StoreError> {
  const error = await run().then(
    () => assert.fail("it was accepted"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StoreError);
  return error;
}

describe("the bounds of a transaction", () => {
  test("what is exactly at a bound is accepted, one more is refused by the name of its setting", async () => {
    await using store = await onSimulatedDisk()({ settings: { ...SETTINGS, maxValueLen: 5000, maxTxEntries: 40 } });
    assert.equal((await store.commit(specOf([entry(1024, 5000)]))).id, 1n);
    assert.equal((await store.commit(numbered(40))).nentries, 40);
    for (const [code, setting, limit, spec] of [
      ["key_too_long", "maxKeyLen", 1024, specOf([entry(1025, 1)])],
      ["value_too_long", "maxValueLen", 5000, specOf([entry(2, 5001)])],
      ["too_many_entries", "maxTxEntries", 40, numbered(41)],
    ] as const) {
      const error = await refusal(() => store.commit(spec));
      assert.equal(error.code, code);
      assert.deepEqual({ ...error.data }, { limit, setting });
    }
    assert.equal(store.committed.txId, 2n);
  });

  test("no entries, an empty key and a key twice are refused", async () => {
    await using store = await onSimulatedDisk()();
    assert.equal(await codeOf(() => store.commit(specOf([]))), "no_entries");
    assert.equal(await codeOf(() => store.commit(specOf([entry(0, 1)]))), "empty_key");
    const twice = setOf(["b", "1"], ["a", "2"], ["c", "3"], ["b", "4"]);
    assert.equal(await codeOf(() => store.commit(twice)), "duplicate_key");
    assert.equal((await store.commit(setOf(["b", "1"], ["bb", "2"], ["", "3"]))).nentries, 3);
  });

  test("header version 0 carries no metadata and counts to 65,535", async () => {
    const settings = { ...SETTINGS, writeTxHeaderVersion: 0, maxTxEntries: 70_000 };
    await using store = await onSimulatedDisk()({ settings });
    const withMetadata = setOf(["k", "v", { ...none, deleted: true }]);
    assert.equal(await codeOf(() => store.commit(withMetadata)), "metadata_unsupported");
    const txMetadata = { truncatedUptoTx: 1n, extra: undefined };
    assert.equal(
      await codeOf(() => store.commit({ ...setOf(["k", "v"]), metadata: txMetadata })),
      "metadata_unsupported",
    );
    const [before, tooMany, after] = await Promise.allSettled([
      store.commit(setOf(["k", "before"])),
      store.commit(numbered(65_536)),
      store.commit(setOf(["k", "after"])),
    ]);
    assert.equal(tooMany.status === "rejected" && tooMany.reason.code, "tx_header_malformed");
    assert.deepEqual([before.status, after.status], ["fulfilled", "fulfilled"], "its neighbours are written");
    assert.equal(store.latest(key("k"))?.txId, 2n);
    assert.equal(store.log.header(2n).version, 0);
  });
});

describe("preconditions", () => {
  test("see deleted, expired and non-indexable keys as reads do", async () => {
    await using store = await onSimulatedDisk()();
    await store.commit(setOf(["set", "1"], ["deleted", "1"], ["expired", "1", { ...none, expiresAt: NOW_SECONDS }]));
    await store.commit(
      setOf(["deleted", "", { ...none, deleted: true }], ["hidden", "1", { ...none, nonIndexable: true }]),
    );
    await store.commit(setOf(["expiring", "1", { ...none, expiresAt: NOW_SECONDS + 1n }]));
    const code = (precondition: Precondition): Promise<unknown> =>
      codeOf(() => store.commit({ ...setOf(["other", "1"]), preconditions: [precondition] }));
    for (const [name, mustExist, mustNotExist, readable] of [
      ["never set", "precondition_failed", "none", "key_not_found"],
      ["set", "none", "precondition_failed", "none"],
      ["deleted", "precondition_failed", "none", "key_not_found"],
      ["expired", "precondition_failed", "none", "key_expired"],
      ["expiring", "none", "precondition_failed", "none"],
      ["hidden", "precondition_failed", "none", "key_not_found"],
    ] as const) {
      assert.equal(await code({ kind: "key_must_exist", key: key(name) }), mustExist, `${name} must exist`);
      assert.equal(await code({ kind: "key_must_not_exist", key: key(name) }), mustNotExist, `${name} must not exist`);
      assert.equal(await code({ kind: "key_readable", key: key(name) }), readable, `${name} readable`);
    }
    for (const [name, txId, expected] of [
      ["set", 1n, "none"],
      ["deleted", 1n, "precondition_failed"],
      ["deleted", 2n, "none"],
      ["expired", 1n, "none"],
      ["hidden", 1n, "none"],
      ["never set", 1n, "none"],
      ["set", 2n ** 63n, "none"],
    ] as const) {
      assert.equal(
        await code({ kind: "key_not_modified_after_tx", key: key(name), txId }),
        expected,
        `${name} ${txId}`,
      );
    }
  });

  test("must all hold, and the refusal names the first that does not", async () => {
    await using store = await onSimulatedDisk()();
    await store.commit(setOf(["a", "1"]));
    const preconditions: Precondition[] = [
      { kind: "key_must_exist", key: key("a") },
      { kind: "key_not_modified_after_tx", key: key("a"), txId: 0n },
      { kind: "key_must_not_exist", key: key("a") },
    ];
    const error = await refusal(() => store.commit({ ...setOf(["b", "1"]), preconditions }));
    assert.equal(error.code, "precondition_failed");
    assert.equal(error.data["precondition"], "KeyNotModifiedAfterTxID");
  });

  test("see writes that are not durable yet; the refusal waits until they are", async () => {
    const gate = new Gate();
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const driver = hooked(disk.driver(), { before: (name) => (name === "log" ? gate.passed() : undefined) });
    await using store = await onSimulatedDisk(disk)({ driver });
    gate.shut();
    const ended: string[] = [];
    const note = (name: string, promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => ended.push(name),
        (error: StoreError) => ended.push(`${name} ${error.code}`),
      );
    const first = note("first", store.commit(setOf(["k", "1"])));
    await turns(3);
    const mustNotExist: Precondition[] = [{ kind: "key_must_not_exist", key: key("k") }];
    const second = note("second", store.commit({ ...setOf(["k", "2"]), preconditions: mustNotExist }));
    const third = note(
      "third",
      store.commit({ ...setOf(["k", "3"]), preconditions: [{ kind: "key_must_exist", key: key("k") }] }),
    );
    await turns(20);
    assert.deepEqual(ended, [], "nobody is answered before the write that decides it is on disk");
    gate.open();
    await Promise.all([first, second, third]);
    assert.deepEqual(ended.sort(), ["first", "second precondition_failed", "third"]);
    assert.equal(store.latest(key("k"))?.revision, 2n);
  });

  test("that were decided by a write that failed answer write_failed, and so does what was built on it", async () => {
    let fault: "lost" | "none" = "none";
    const disk = new SimulatedDisk({ random: new SeededRandom(1), fault: () => fault });
    await using store = await onSimulatedDisk(disk)();
    await store.commit(setOf(["k0", "1"]));
    fault = "lost";
    const first = codeOf(() => store.commit(setOf(["k", "1"])));
    await turns(1);
    const refused = codeOf(() =>
      store.commit({ ...setOf(["k", "2"]), preconditions: [{ kind: "key_must_not_exist", key: key("k") }] }),
    );
    const derived = codeOf(() =>
      store.commit({ ...setOf(["d", "1"]), preconditions: [{ kind: "key_must_exist", key: key("k") }] }),
    );
    const refusedByDerived = codeOf(() =>
      store.commit({ ...setOf(["d", "2"]), preconditions: [{ kind: "key_must_not_exist", key: key("d") }] }),
    );
    assert.deepEqual(await Promise.all([first, refused, derived, refusedByDerived]), Array(4).fill("write_failed"));
    fault = "none";
    assert.equal(store.latest(key("k")), undefined);
    const again = { ...setOf(["k", "2"]), preconditions: [{ kind: "key_must_not_exist" as const, key: key("k") }] };
    assert.equal((await store.commit(again)).id, 2n);
  });
});

describe("commit groups", () => {
  test("form by themselves: many writers at once need few synced writes", () =>
    inDirectory(async (directory) => {
      let writes = 0;
      const driver = hooked(lmdbDriver, {
        before: (name) => {
          if (name === "log") writes++;
        },
      });
      await using store = await onDisk(directory)({ driver });
      writes = 0;
      const headers = await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit(setOf([`k${i}`, "v"]))));
      assert.deepEqual(
        headers.map((header) => header.id),
        headers.map((_, i) => BigInt(i + 1)),
      );
      assert.ok(writes <= 3, `${writes} synced writes for 500 transactions`);
      writes = 0;
      const writer = async (): Promise<void> => {
        for (let i = 0; i < 20; i++) await store.commit(setOf(["k", "v"]));
      };
      await Promise.all(Array.from({ length: 32 }, writer));
      assert.ok(writes <= 100, `${writes} synced writes for 32 writers of 20 transactions`);
      writes = 0;
      for (let i = 0; i < 10; i++) await store.commit(setOf(["k", "v"]));
      assert.equal(writes, 10, "a lone writer waits for nobody");
    }));

  test("push back with overloaded when too many transactions wait", async () => {
    const gate = new Gate();
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const driver = hooked(disk.driver(), { before: (name) => (name === "log" ? gate.passed() : undefined) });
    await using store = await onSimulatedDisk(disk)({ driver });
    gate.shut();
    const spec = setOf(["k", "v"]);
    const accepted = [store.commit(spec)];
    await turns(3);
    for (let i = 0; i < GROUP_TRANSACTIONS_MAX + COMMIT_QUEUE_MAX; i++) accepted.push(store.commit(spec));
    const error = await refusal(() => store.commit(spec));
    assert.equal(error.code, "overloaded");
    assert.equal(error.data["limit"], COMMIT_QUEUE_MAX);
    gate.open();
    const headers = await Promise.all(accepted);
    assert.equal(headers.at(-1)?.id, BigInt(accepted.length));
    assert.equal((await store.commit(spec)).id, BigInt(accepted.length + 1), "and go on when they are through");
  });

  test("push back with overloaded when too many bytes wait", async () => {
    const gate = new Gate();
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const driver = hooked(disk.driver(), { before: (name) => (name === "log" ? gate.passed() : undefined) });
    const store = await onSimulatedDisk(disk)({ driver, settings: { ...SETTINGS, maxValueLen: 48 << 20 } });
    gate.shut();
    const spec = specOf([entry(4, 40 << 20)]);
    const accepted = [store.commit(setOf(["k", "v"]))];
    await turns(3);
    accepted.push(store.commit(setOf(["k", "v"])));
    const waiting = Array.from({ length: 3 }, () => codeOf(() => store.commit(spec)));
    const error = await refusal(() => store.commit(spec));
    assert.equal(error.code, "overloaded");
    assert.equal(error.data["limit"], COMMIT_QUEUE_BYTES_MAX);
    gate.open();
    await Promise.all(accepted);
    assert.deepEqual(await Promise.all(waiting), ["none", "none", "none"]);
    await store.close();
  });

  test("wait for the index when too much is not indexed, and go on when it has caught up", async () => {
    const gate = new Gate();
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const driver = hooked(disk.driver(), { before: (name) => (name === "index" ? gate.passed() : undefined) });
    await using store = await onSimulatedDisk(disk)({ driver });
    gate.shut();
    for (let versions = 0; versions < OVERLAY_VERSIONS_MAX; versions += 1024) await store.commit(numbered(1024));
    let done = false;
    const waiting = store.commit(setOf(["k", "v"])).then(() => {
      done = true;
    });
    await turns(100);
    assert.equal(done, false);
    gate.open();
    await waiting;
    await store.settled();
    assert.equal(store.indexed, store.committed.txId);
  });

  test("that wait for the index do not keep the database from closing: it is brought up at the next start", async () => {
    const written: bigint[] = [];
    const committer = new Committer({
      commitLog: {
        committed: 0n,
        append: async (group) => {
          written.push(...group.map((tx) => tx.header.id));
        },
        commitUpTo: async () => undefined,
        discardAfter: async () => undefined,
      },
      point: EMPTY_CHAIN,
      overlay: new Overlay(),
      settings: SETTINGS,
      clock: { nowMs: () => 0 },
      checkPreconditions: () => undefined,
      onDurable: () => undefined,
      isBacklogged: () => true,
      node: () => EMPTY_ALH,
    });
    const waiting = [committer.commit(setOf(["k", "1"])), committer.commit(setOf(["k", "2"]))];
    await turns(10);
    assert.deepEqual(written, []);
    await committer.close();
    assert.deepEqual(written, [1n, 2n]);
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ id }) => id),
      [1n, 2n],
    );
    assert.equal(await codeOf(() => committer.commit(setOf(["k", "3"]))), "closed");
  });
});

describe("the time of a transaction", () => {
  test("never goes back, whatever the clock does, also after a new start", async () => {
    const open = onSimulatedDisk();
    let ms = 1_000_000_999;
    const clock = { nowMs: () => ms };
    const store = await open({ clock });
    const ts = async (): Promise<bigint> => (await store.commit(setOf(["k", "v"]))).ts;
    assert.equal(await ts(), 1_000_000n);
    ms = 5_000_000;
    assert.equal(await ts(), 1_000_000n);
    ms = 1_000_001_000;
    assert.equal(await ts(), 1_000_001n);
    await store.close();
    ms = 0;
    await using again = await open({ clock });
    assert.equal((await again.commit(setOf(["k", "v"]))).ts, 1_000_001n);
  });

  test("is left out where the database says so", async () => {
    await using store = await onSimulatedDisk()({ settings: { ...SETTINGS, excludeCommitTime: true } });
    assert.equal((await store.commit(setOf(["k", "v"]))).ts, 0n);
  });
});

describe("closing", () => {
  test("waits for accepted writes, refuses later ones and every read, and happens once", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await store.commit(setOf(["k", "0"]));
      const accepted = Array.from({ length: 50 }, (_, i) => store.commit(setOf(["k", String(i)])));
      const closing = Promise.all([store.close(), store.close()]);
      assert.equal(await codeOf(() => store.commit(setOf(["k", "late"]))), "closed");
      await closing;
      assert.equal((await Promise.all(accepted)).at(-1)?.id, 51n);
      for (const read of [
        () => store.log,
        () => store.latest(key("k")),
        () => store.revisions(key("k"), 1n, 1n, false),
        () => store.scan({ from: undefined, to: undefined, reverse: false }),
        () => store.sizeBytes(),
        () => store.commitUpTo(1n),
        () => store.discardAfter(1n),
      ]) {
        assert.equal(await codeOf(read), "closed");
      }
      await using again = await onDisk(directory)();
      assert.equal(again.committed.txId, 51n);
      assert.equal(again.latest(key("k"))?.revision, 51n);
    }));
});

describe("a write that fails", () => {
  test("and left nothing is refused as such; the next one is written", async () => {
    let fault: "lost" | "none" = "none";
    const disk = new SimulatedDisk({ random: new SeededRandom(1), fault: () => fault });
    await using store = await onSimulatedDisk(disk)();
    const first = await store.commit(setOf(["k", "1"]));
    fault = "lost";
    assert.equal(await codeOf(() => store.commit(setOf(["k", "2"]))), "write_failed");
    fault = "none";
    assert.equal(store.latest(key("k"))?.txId, 1n);
    const second = await store.commit(setOf(["k", "2"]));
    assert.equal(second.id, 2n);
    assert.deepEqual(second.prevAlh, store.log.alh(first.id));
  });

  test("and is there all the same is acknowledged", async () => {
    // The failed write is followed by one that confirms it.
    const faults: ("stored" | "none")[] = [];
    const disk = new SimulatedDisk({ random: new SeededRandom(1), fault: () => faults.shift() ?? "none" });
    await using store = await onSimulatedDisk(disk)();
    await store.commit(setOf(["k", "1"]));
    faults.push("stored");
    assert.equal((await store.commit(setOf(["k", "2"]))).id, 2n);
    assert.equal(store.latest(key("k"))?.txId, 2n);
    assert.equal((await store.commit(setOf(["k", "3"]))).id, 3n);
  });

  for (const [what, faults] of [
    ["cannot be looked for", ["stored", "reopening"]],
    ["is found but cannot be confirmed", ["stored", "stored"]],
  ] as const) {
    test(`and ${what} has an unknown outcome: no more writes, reads go on, a new start knows`, () =>
      inDirectory(async (directory) => {
        const left: string[] = [];
        const driver = hooked(lmdbDriver, {
          after: (name) => {
            if (name === "log" && left[0] === "stored") throw new Error(String(left.shift()));
          },
          opening: (name) => {
            if (name === "log" && left[0] === "reopening") throw new Error(String(left.shift()));
          },
        });
        const store = await onDisk(directory)({ driver });
        await store.commit(setOf(["k", "1"]));
        await store.settled();
        left.push(...faults);
        const unknown = codeOf(() => store.commit(setOf(["k", "2"])));
        await turns(1);
        const derived = codeOf(() => store.commit(setOf(["d", "2"])));
        assert.deepEqual(await Promise.all([unknown, derived]), ["outcome_unknown", "write_failed"]);
        assert.deepEqual(left, []);
        assert.equal(await codeOf(() => store.commit(setOf(["k", "3"]))), "read_only");
        assert.equal(store.latest(key("k"))?.txId, 1n);
        assert.equal(store.log.record(1n).header.id, 1n, "what is there is still read");
        await store.close();
        await using again = await onDisk(directory)();
        assert.equal(again.committed.txId, 2n);
        assert.equal(again.latest(key("k"))?.txId, 2n);
        assert.equal(again.latest(key("d")), undefined);
      }));
  }

  test("closes the log for a moment, in which reads of it get an answer", () =>
    inDirectory(async (directory) => {
      let failing = false;
      const seen: unknown[] = [];
      const driver = hooked(lmdbDriver, {
        before: (name) => {
          if (name === "log" && failing) throw new Error("the disk is full");
        },
        opening: async (name) => {
          if (name !== "log" || !failing) return;
          failing = false;
          await turns(2);
          seen.push(await codeOf(() => store.log.record(1n)), await codeOf(() => store.latest(key("k"))));
        },
      });
      await using store = await onDisk(directory)({ driver });
      await store.commit(setOf(["k", "1"]));
      failing = true;
      assert.equal(await codeOf(() => store.commit(setOf(["k", "2"]))), "write_failed");
      assert.deepEqual(seen, ["closed", "none"]);
      assert.equal(store.log.record(1n).header.id, 1n);
      assert.equal((await store.commit(setOf(["k", "2"]))).id, 2n);
    }));
});
