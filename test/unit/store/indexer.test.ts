import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import type { Timers } from "../../../src/base/clock.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { decodeWatermark } from "../../../src/store/layout.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { hooked, onSimulatedDisk, setOf } from "./support.ts";

const WATERMARK = utf8("indexed");
const KEY = plainKey(utf8("k"));

/** Timers that a test lets run out. */
class StoppedTimers implements Timers {
  readonly waiting = new Set<() => void>();

  after(_ms: number, action: () => void): () => void {
    this.waiting.add(action);
    return () => this.waiting.delete(action);
  }

  runOut(): void {
    const actions = [...this.waiting];
    this.waiting.clear();
    for (const action of actions) action();
  }
}

describe("writing the index", () => {
  for (const when of ["before", "after"] as const) {
    test(`that fails ${when} the batch is stored is tried again, once at a time, and counts no version twice`, async () => {
      let failing = false;
      let attempts = 0;
      const timers = new StoppedTimers();
      const disk = new SimulatedDisk({ random: new SeededRandom(1) });
      const driver = hooked(disk.driver(), {
        [when]: (name: string) => {
          if (name !== "index" || !failing) return;
          attempts++;
          throw new Error("the index cannot be written");
        },
      });
      const store = await onSimulatedDisk(disk)({ driver, timers });
      await store.commit(setOf(["k", "1"]));
      await store.settled();
      failing = true;
      await store.commit(setOf(["k", "2"]));
      await store.settled();
      for (let i = 3; i <= 6; i++) await store.commit(setOf(["k", String(i)]));
      await store.settled();
      assert.equal(store.indexed, when === "after" ? 2n : 1n, "what is there is taken for that");
      assert.equal(attempts, 1, "later commits wait for the retry");
      assert.equal(timers.waiting.size, 1);
      assert.equal(store.latest(KEY)?.revision, 6n, "what is not indexed is read all the same");
      timers.runOut();
      await store.settled();
      assert.equal(attempts, 2);
      failing = false;
      timers.runOut();
      await store.settled();
      assert.equal(store.indexed, 6n);
      assert.equal(timers.waiting.size, 0);
      assert.deepEqual(
        store.revisions(KEY, 1n, 6n, false).map(({ txId, revision }) => [txId, revision]),
        [1n, 2n, 3n, 4n, 5n, 6n].map((n) => [n, n]),
      );
      const { latestRows, historyRows } = decodeWatermark(
        disk.peek("simulated/index", "meta", WATERMARK) as Uint8Array,
      );
      assert.deepEqual([latestRows, historyRows], [1n, 5n], "no row is counted twice, and none left out");
      await store.close();
    });
  }

  test("that leaves an environment which answers nothing opens it again", async () => {
    let failing = false;
    const timers = new StoppedTimers();
    const disk = new SimulatedDisk({
      random: new SeededRandom(1),
      otherFault: () => (failing ? "stored" : "none"),
      panics: () => true,
    });
    const store = await onSimulatedDisk(disk)({ timers });
    await store.commit(setOf(["k", "1"]));
    await store.settled();
    failing = true;
    await store.commit(setOf(["k", "2"]));
    await store.settled();
    failing = false;
    assert.equal(store.latest(KEY)?.revision, 2n);
    await store.commit(setOf(["k", "3"]));
    timers.runOut();
    await store.settled();
    assert.equal(store.indexed, 3n);
    assert.equal(store.latest(KEY)?.revision, 3n);
    await store.close();
  });

  test("is seen by who has read the key before, whether or not he looked in between", async () => {
    const store = await onSimulatedDisk(new SimulatedDisk({ random: new SeededRandom(1) }))({});
    for (let i = 1; i <= 6; i++) {
      await store.commit(setOf(["k", String(i)]));
      if (i % 2 === 0) assert.equal(store.latest(KEY)?.txId, BigInt(i));
      await store.settled();
      assert.equal(store.indexed, BigInt(i));
      const { txId, revision } = store.latest(KEY) ?? assert.fail("it is there");
      assert.deepEqual([txId, revision], [BigInt(i), BigInt(i)]);
      assert.equal(store.revisions(KEY, 1n, revision, false).length, i);
    }
    await store.close();
  });

  test("waits for others to be written with, until its time has come", async () => {
    const timers = new StoppedTimers();
    await using store = await onSimulatedDisk()({ timers });
    for (let i = 1; i <= 3; i++) await store.commit(setOf(["k", String(i)]));
    assert.equal(store.indexed, 0n);
    assert.equal(timers.waiting.size, 1, "one wait for all of them");
    assert.equal(store.latest(KEY)?.revision, 3n, "nobody waits for it");
    timers.runOut();
    while (store.indexed < 3n) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(timers.waiting.size, 0);
    assert.equal(store.latest(KEY)?.revision, 3n);
  });

  test("is given up when the store is closed: nothing runs on, and the next start catches up", async () => {
    let failing = false;
    const timers = new StoppedTimers();
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const driver = hooked(disk.driver(), {
      before: (name) => {
        if (name === "index" && failing) throw new Error("the index cannot be written");
      },
    });
    const store = await onSimulatedDisk(disk)({ driver, timers });
    failing = true;
    for (let i = 1; i <= 5; i++) await store.commit(setOf(["k", String(i)]));
    await store.close();
    assert.equal(timers.waiting.size, 0);
    await using again = await onSimulatedDisk(disk)();
    assert.equal(again.indexed, 5n);
    assert.equal(again.latest(KEY)?.revision, 5n);
  });
});
