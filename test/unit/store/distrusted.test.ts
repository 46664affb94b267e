// A store whose last process died, with files too big to be looked at before they are served.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import type { EngineDriver } from "../../../src/store/engine.ts";
import { makeLmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { lastEnd } from "../../../src/store/open-marker.ts";
import type { Store } from "../../../src/store/store.ts";
import { Pace } from "../../../src/store/verify-pace.ts";
import { walkEdges, walkPages } from "../../../src/store/verify-pages.ts";
import { codeOf, inDirectory, onDisk, setOf } from "./support.ts";

const PAGE = 8192;
const TXS = 200;
const driver = makeLmdbDriver(0);
/** So long that the index has many pages. */
const name = (i: number): string => `key ${i} ${"k".repeat(600)}`;

/** What a store leaves whose process died when nothing was under way: its files as they are, and the marker. */
async function left(directory: string): Promise<void> {
  const store = await onDisk(directory)();
  for (let i = 0; i < TXS; i++) void store.commit(setOf([name(i), "v".repeat(300)]));
  await store.settled();
  await store.close();
  writeFileSync(join(directory, "open"), readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
}

const revision = (store: Store, i: number): bigint | undefined => store.latest(plainKey(utf8(name(i))))?.revision;

test("serves reads and writes at once, writes the index when it was looked at, and ends cleanly", () =>
  inDirectory(async (directory) => {
    await left(directory);
    const unsound: unknown[] = [];
    const looked: (Promise<void> | undefined)[] = [];
    const noting: EngineDriver = {
      ...driver,
      open: async (...args) => {
        const engine = await driver.open(...args);
        looked.push(engine.sound);
        return engine;
      },
    };
    const store = await onDisk(directory)({ driver: noting, onUnsound: (...what) => unsound.push(what) });
    assert.equal(revision(store, 7), 1n);
    await store.commit(setOf([name(7), "again"]));
    assert.equal(revision(store, 7), 2n);
    assert.equal(store.indexed, BigInt(TXS), "it waits");
    await Promise.all(looked);
    await store.settled();
    assert.equal(store.indexed, BigInt(TXS + 1));
    await store.close();
    assert.deepEqual(unsound, []);
    assert.equal(lastEnd(directory), "clean");
  }));

test("closed before all of it was looked at waits for nothing, and is as careful the next time", () =>
  inDirectory(async (directory) => {
    await left(directory);
    const store = await onDisk(directory)({ driver });
    await store.commit(setOf([name(7), "again"]));
    await store.close();
    assert.equal(lastEnd(directory), "process_died");
    const again = await onDisk(directory)({ driver });
    assert.equal(revision(again, 7), 2n, "the overlay has what was not indexed");
    await again.close();
  }));

/** Zeroes a page in use that opening and appending do not lead to. */
async function tear(file: string): Promise<void> {
  const whole = readFileSync(file);
  for (let page = 2; page < whole.length / PAGE; page++) {
    writeFileSync(file, Uint8Array.from(whole).fill(0, page * PAGE, (page + 1) * PAGE));
    let [atEdges, inAll] = [0, 0];
    await walkEdges(file, new Pace(), () => atEdges++);
    await walkPages(file, new Pace(), () => inAll++);
    if (atEdges === 0 && inAll > 0) return;
  }
  assert.fail("no page is like that");
}

for (const environment of ["log", "index"] as const) {
  test(`tells whoever opened it of a damaged page of its ${environment}, and is not opened again with it`, () =>
    inDirectory(async (directory) => {
      await left(directory);
      await tear(join(directory, environment, "data.mdb"));
      const { promise: told, resolve } = Promise.withResolvers<readonly unknown[]>();
      const store = await onDisk(directory)({ driver, onUnsound: (...what) => resolve(what) });
      const [where, error] = await told;
      assert.deepEqual([where, (error as { code?: string }).code], [environment, "damaged"]);
      await store.close();
      assert.equal(lastEnd(directory), "process_died");
      if (environment === "log") {
        assert.equal(await codeOf(onDisk(directory)), "damaged");
        return;
      }
      const again = await onDisk(directory)({ driver });
      assert.equal(again.indexed, BigInt(TXS), "the index is built anew");
      assert.equal(revision(again, 7), 1n);
      await again.close();
    }));
}
