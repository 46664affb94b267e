import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import type { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, hooked, inDirectory, onDisk, onSimulatedDisk, setOf } from "./support.ts";

const RULE = { flushThreshold: 100_000, compactionThld: 2 };
const ALWAYS = { flushThreshold: 0, compactionThld: 0 };
const KEYS = 400;

/** Writes every key once more. */
async function writeAll(store: Store, value: string): Promise<void> {
  await Promise.all(Array.from({ length: KEYS }, (_, i) => store.commit(setOf([`key ${i}`, `${value} ${i}`]))));
}

function revisionOf(store: Store, key: string): bigint | undefined {
  return store.latest(plainKey(utf8(key)))?.revision;
}

describe("compaction of an index", () => {
  test("waits for two flushes since the last one, of which each had something to flush", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      assert.equal(await codeOf(() => store.compactIndex(RULE)), "compaction_early");
      await store.commit(setOf(["a", "1"]));
      await store.flushIndex(true);
      await store.flushIndex(true);
      assert.equal(await codeOf(() => store.compactIndex(RULE)), "compaction_early");
      await store.commit(setOf(["a", "2"]));
      await store.flushIndex(false);
      assert.equal(store.indexed, 2n);
      await store.compactIndex(RULE);
      assert.equal(await codeOf(() => store.compactIndex(RULE)), "compaction_early");
      await store.close();
    }));

  test("counts what was indexed by itself, and what was there when it was opened", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await writeAll(store, "first");
      await store.settled();
      await store.compactIndex({ flushThreshold: KEYS / 2, compactionThld: 2 });
      await store.close();
      const again = await onDisk(directory)();
      assert.equal(await codeOf(() => again.compactIndex(RULE)), "compaction_early");
      await again.commit(setOf(["a", "1"]));
      await again.flushIndex(true);
      await again.compactIndex(RULE);
      await again.close();
    }));

  test("makes its file smaller while reads and writes go on, and loses nothing", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      for (let round = 0; round < 20; round++) await writeAll(store, `round ${round}`);
      await store.settled();
      const bytes = (): number => statSync(join(directory, "index", "data.mdb")).size;
      const before = bytes();
      let isDone = false;
      let reads = 0;
      const reading = (async () => {
        for (; !isDone; reads++) {
          assert.ok((revisionOf(store, `key ${reads % KEYS}`) ?? 0n) >= 20n);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await Promise.all([store.compactIndex(ALWAYS), writeAll(store, "meanwhile")]);
      isDone = true;
      await reading;
      assert.ok(reads > 0);
      assert.ok(bytes() < before, `${bytes()} is not less than ${before}`);
      await store.settled();
      assert.equal(store.indexed, BigInt(21 * KEYS));
      await writeAll(store, "after");
      await store.close();
      for (const left of ["index-rewrite", "index-old"]) assert.equal(existsSync(join(directory, left)), false);
      const again = await onDisk(directory)();
      for (let i = 0; i < KEYS; i++) assert.equal(revisionOf(again, `key ${i}`), 22n);
      await again.close();
    }));

  test("that is under way is not begun again, and closing waits for it", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await writeAll(store, "first");
      await store.settled();
      const compaction = store.compactIndex(ALWAYS);
      assert.equal(await codeOf(() => store.compactIndex(ALWAYS)), "compaction_running");
      await store.close();
      await compaction;
      const again = await onDisk(directory)();
      assert.equal(again.indexed, BigInt(KEYS));
      await again.close();
    }));

  test("that was cut off between its two moves is undone by the next start", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await writeAll(store, "first");
      await store.close();
      await rename(join(directory, "index"), join(directory, "index-old"));
      const again = await onDisk(directory)();
      assert.equal(again.indexed, BigInt(KEYS));
      assert.equal(existsSync(join(directory, "index-old")), false);
      await again.close();
    }));

  test("that fails leaves the index as it was", async () => {
    let failing = false;
    const disk = new SimulatedDisk({
      random: new SeededRandom(1),
      otherFault: () => (failing ? "lost" : "none"),
    });
    const store = await onSimulatedDisk(disk)();
    await writeAll(store, "first");
    await store.settled();
    failing = true;
    await assert.rejects(store.compactIndex(ALWAYS));
    failing = false;
    await writeAll(store, "second");
    await store.flushIndex(true);
    assert.equal(revisionOf(store, "key 7"), 2n);
    await store.compactIndex(ALWAYS);
    await store.close();
  });
});

describe("flushing an index", () => {
  test("that cannot be written says so, and works again when it can", async () => {
    let failing = false;
    const disk = new SimulatedDisk({ random: new SeededRandom(1) });
    const timers: (() => void)[] = [];
    const driver = hooked(disk.driver(), {
      before: (name) => {
        if (name === "index" && failing) throw new Error("no");
      },
    });
    const after = (_ms: number, action: () => void): (() => void) => {
      timers.push(action);
      return () => undefined;
    };
    const store = await onSimulatedDisk(disk)({ driver, timers: { after } });
    await store.commit(setOf(["a", "1"]));
    failing = true;
    assert.equal(await codeOf(() => store.flushIndex(false)), "index_behind");
    assert.equal(await codeOf(() => store.flushIndex(false)), "index_behind");
    assert.equal(await codeOf(() => store.compactIndex(ALWAYS)), "index_behind");
    failing = false;
    for (const retry of timers.splice(0)) retry();
    await store.settled();
    await store.flushIndex(true);
    assert.equal(store.indexed, 1n);
    await store.close();
    assert.equal(await codeOf(() => store.flushIndex(true)), "closed");
  });
});
