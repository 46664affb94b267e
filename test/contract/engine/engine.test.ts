// One suite for all engines: what the store relies on holds for LMDB, trusted or not, and for the simulated disk alike.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes, utf8, utf8ToString } from "../../../src/base/bytes.ts";
import type { Engine, EngineDriver, RangeOptions } from "../../../src/store/engine.ts";
import { lmdbDriver, makeLmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";

const ENGINES: readonly (readonly [string, () => EngineDriver])[] = [
  ["LMDB", () => lmdbDriver],
  ["LMDB that is not trusted", distrusted],
  ["the simulated disk", () => new SimulatedDisk({ random: new SeededRandom(1) }).driver()],
];

/** Whatever it opens was there before, and is read by our own code until all of it was looked at, which never happens. */
function distrusted(): EngineDriver {
  const driver = makeLmdbDriver(0);
  return {
    ...driver,
    open: async (directory, options) => {
      if (options.readOnly === true) return driver.open(directory, options);
      await (await driver.open(directory, options)).close();
      return driver.open(directory, { ...options, distrusted: true });
    },
  };
}

for (const [name, makeDriver] of ENGINES) {
  describe(`an engine: ${name}`, () => {
    const inDirectory = async (body: (driver: EngineDriver, directory: string) => Promise<void>): Promise<void> => {
      const parent = await mkdtemp(join(tmpdir(), "engine-"));
      try {
        await body(makeDriver(), join(parent, "environment"));
      } finally {
        await rm(parent, { recursive: true });
      }
    };
    const withEngine = (body: (engine: Engine) => Promise<void>): Promise<void> =>
      inDirectory(async (driver, directory) => {
        const engine = await driver.open(directory, { durable: true });
        try {
          await body(engine);
        } finally {
          await engine.close();
        }
      });
    const keysOf = (engine: Engine, options: RangeOptions): string =>
      [...engine.table("t").range(options)].map((row) => utf8ToString(row.key)).join();

    test("gives back what was put, and nothing for what was not", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        engine.refresh();
        assert.deepEqual([...(table.get(utf8("k")) ?? [])], [...utf8("v")]);
        assert.equal(table.get(utf8("other")), undefined);
        await engine.write((batch) => batch.put(table, utf8("empty"), new Uint8Array(0)));
        engine.refresh();
        assert.equal(table.get(utf8("empty"))?.length, 0);
      }));

    test("shows a value where it lies, as long or short as it is", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        const values = new Map(
          [1000, 0, 100_000, 3].map((length) => [utf8(`k${length}`), new Uint8Array(length).fill(length)]),
        );
        await engine.write((batch) => {
          for (const [key, value] of values) batch.put(table, key, value);
        });
        engine.refresh();
        for (const [key, value] of [...values, ...values]) {
          const { bytes, length } = table.peek(key) ?? assert.fail("it is there");
          assert.deepEqual(bytes.slice(0, length), value);
        }
        assert.equal(table.peek(utf8("other")), undefined);
      }));

    test("overwrites and removes", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("1")));
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("22")));
        engine.refresh();
        assert.equal(utf8ToString(table.get(utf8("k")) as Uint8Array), "22");
        await engine.write((batch) => batch.remove(table, utf8("k")));
        engine.refresh();
        assert.equal(table.get(utf8("k")), undefined);
      }));

    test("keeps tables apart and writes them together", () =>
      withEngine(async (engine) => {
        const [a, b] = [engine.table("a"), engine.table("b")];
        await engine.write((batch) => {
          batch.put(a, utf8("k"), utf8("in a"));
          batch.put(b, utf8("k"), utf8("in b"));
        });
        engine.refresh();
        assert.equal(utf8ToString(a.get(utf8("k")) as Uint8Array), "in a");
        assert.equal(utf8ToString(b.get(utf8("k")) as Uint8Array), "in b");
      }));

    test("copies what is committed, and nothing of what comes later, to another environment", () =>
      inDirectory(async (driver, directory) => {
        const target = `${directory}-copy`;
        // Opened, written and closed before: what is not trusted shows at once what it held.
        const engine = await driver.open(directory, { durable: false });
        const table = engine.table("t");
        await engine.write((batch) => batch.put(table, utf8("a"), utf8("1")));
        await engine.write((batch) => batch.put(engine.table("u"), utf8("b"), utf8("2")));
        engine.refresh();
        await engine.copy(target);
        await engine.write((batch) => batch.put(table, utf8("late"), utf8("3")));
        await engine.sync();
        await engine.close();
        const copy = await driver.open(target, { durable: false });
        assert.equal(keysOf(copy, {}), "a");
        assert.equal(utf8ToString(copy.table("u").get(utf8("b")) as Uint8Array), "2");
        await copy.write((batch) => batch.put(copy.table("t"), utf8("own"), utf8("4")));
        copy.refresh();
        assert.equal(keysOf(copy, {}), "a,own");
        await copy.close();
        await assert.rejects(copy.sync(), { code: "closed" });
      }));

    test("reads, when that is all that is wanted, beside whoever writes, and takes a missing table for an empty one", () =>
      inDirectory(async (driver, directory) => {
        const writer = await driver.open(directory, { durable: true });
        const table = writer.table("t");
        await writer.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        await writer.close();
        const reader = await driver.open(directory, { durable: true, readOnly: true });
        assert.equal(utf8ToString(reader.table("t").get(utf8("k")) as Uint8Array), "v");
        assert.deepEqual([reader.table("none").get(utf8("k")), [...reader.table("none").range({})]], [undefined, []]);
        await reader.close();
      }));

    test("walks a range from either end, lower bound in, upper bound out", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await engine.write((batch) => {
          for (const key of ["d", "b", "a", "c", "e"]) batch.put(table, utf8(key), utf8(key));
        });
        engine.refresh();
        assert.equal(keysOf(engine, {}), "a,b,c,d,e");
        assert.equal(keysOf(engine, { from: utf8("b"), to: utf8("d") }), "b,c");
        assert.equal(keysOf(engine, { from: utf8("b"), to: utf8("d"), reverse: true }), "c,b");
        assert.equal(keysOf(engine, { from: utf8("bb"), limit: 2 }), "c,d");
        assert.equal(keysOf(engine, { reverse: true, limit: 1 }), "e");
        assert.equal(keysOf(engine, { to: utf8("a") }), "");
        assert.equal(keysOf(engine, { from: utf8("c"), to: utf8("c") }), "");
        assert.equal(keysOf(engine, { from: utf8("c"), to: utf8("c"), reverse: true }), "");
      }));

    test("orders keys as bytes and takes keys of a thousand of them", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        const keys = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 1040 }), { numRuns: 300, seed: 7 });
        await engine.write((batch) => {
          for (const key of keys) batch.put(table, key, Uint8Array.of(1));
        });
        engine.refresh();
        const found = [...table.range({})].map((row) => row.key);
        for (let i = 1; i < found.length; i++)
          assert.ok(compareBytes(found[i - 1] as Uint8Array, found[i] as Uint8Array) < 0);
        const distinct = new Set(keys.map((key) => Buffer.from(key).toString("hex")));
        assert.equal(found.length, distinct.size);
      }));

    test("is asked about keys that are longer than any that is stored", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        const keys = ["a", "b", "c"].map(utf8);
        await engine.write((batch) => {
          for (const key of keys) batch.put(table, key, key);
        });
        engine.refresh();
        for (const length of [1500, 5000, 300_000]) {
          const long = utf8("b".padEnd(length, "z"));
          assert.equal(table.get(long), undefined);
          assert.equal(table.peek(long), undefined);
          assert.equal(keysOf(engine, { from: long }), "c");
          assert.equal(keysOf(engine, { to: long }), "a,b");
          assert.equal(keysOf(engine, { from: long, reverse: true }), "c");
          assert.equal(keysOf(engine, { to: long, reverse: true }), "b,a");
          assert.equal(keysOf(engine, { from: long, to: long }), "");
        }
      }));

    test("hands out rows and values that later writes do not change", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("first")));
        engine.refresh();
        const value = table.get(utf8("k")) as Uint8Array;
        const [row] = [...table.range({})];
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("other")));
        engine.refresh();
        table.get(utf8("k"));
        assert.equal(utf8ToString(value), "first");
        assert.equal(utf8ToString(row?.value as Uint8Array), "first");
        assert.equal(utf8ToString(row?.key as Uint8Array), "k");
      }));

    test("applies writes in the order of the calls", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await Promise.all(
          Array.from({ length: 50 }, (_, i) => engine.write((batch) => batch.put(table, utf8("k"), utf8(String(i))))),
        );
        engine.refresh();
        assert.equal(utf8ToString(table.get(utf8("k")) as Uint8Array), "49");
      }));

    test("stores nothing of a batch whose filling throws", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        const failing = engine.write((batch) => {
          batch.put(table, utf8("half"), utf8("v"));
          throw new Error("while filling");
        });
        await assert.rejects(failing, /while filling/);
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        engine.refresh();
        assert.equal(keysOf(engine, {}), "k");
      }));

    test("is not worn out by walks that end early", () =>
      withEngine(async (engine) => {
        const table = engine.table("t");
        await engine.write((batch) => {
          for (const key of ["a", "b", "c"]) batch.put(table, utf8(key), utf8("old"));
        });
        for (let i = 0; i < 200; i++) {
          for (const row of table.range({})) {
            assert.equal(utf8ToString(row.key), "a");
            break;
          }
          await engine.write((batch) => batch.put(table, utf8("b"), utf8(String(i))));
          engine.refresh();
        }
        assert.equal(utf8ToString(table.get(utf8("b")) as Uint8Array), "199");
      }));

    test("refuses reads and writes once it is closed, and may be closed twice", () =>
      inDirectory(async (driver, directory) => {
        const engine = await driver.open(directory, { durable: true });
        const table = engine.table("t");
        await engine.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        await engine.close();
        await engine.close();
        const closed = { name: "StoreError", code: "closed" };
        assert.throws(() => table.get(utf8("k")), closed);
        assert.throws(() => table.peek(utf8("k")), closed);
        assert.throws(() => [...table.range({})], closed);
        await assert.rejects(
          engine.write((batch) => batch.put(table, utf8("k"), utf8("v"))),
          closed,
        );
      }));

    test("keeps what an unsynced environment wrote when it is closed", () =>
      inDirectory(async (driver, directory) => {
        const first = await driver.open(directory, { durable: false });
        const table = first.table("t");
        await first.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        await first.close();
        const second = await driver.open(directory, { durable: false });
        assert.equal(second.table("t").get(utf8("k"))?.length, 1);
        await second.close();
      }));

    test("has everything after it was closed and opened again, and nothing after it was destroyed", () =>
      inDirectory(async (driver, directory) => {
        const first = await driver.open(directory, { durable: true });
        const table = first.table("t");
        await first.write((batch) => batch.put(table, utf8("k"), new Uint8Array(100_000).fill(7)));
        await first.close();
        const second = await driver.open(directory, { durable: true });
        assert.equal(second.table("t").get(utf8("k"))?.length, 100_000);
        await second.close();
        await driver.destroy(directory);
        const third = await driver.open(directory, { durable: true });
        assert.equal(third.table("t").get(utf8("k")), undefined);
        await third.close();
        await driver.destroy(`${directory}-that-never-was`);
      }));

    test("moves to another directory with everything in it, also under a reader", () =>
      inDirectory(async (driver, directory) => {
        const first = await driver.open(directory, { durable: true });
        const table = first.table("t");
        await first.write((batch) => batch.put(table, utf8("k"), utf8("v")));
        first.refresh();
        await driver.move(directory, `${directory}-moved`);
        assert.equal(await driver.exists(directory), false);
        assert.equal(await driver.exists(`${directory}-moved`), true);
        assert.equal(utf8ToString(table.get(utf8("k")) as Uint8Array), "v");
        await first.close();
        const second = await driver.open(`${directory}-moved`, { durable: true });
        assert.equal(utf8ToString(second.table("t").get(utf8("k")) as Uint8Array), "v");
        await second.close();
      }));
  });
}
