// Truncation that fails half-way: what is committed afterwards is there after the next start, and the bytes go later.

import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { utf8ToString } from "../../../src/base/bytes.ts";
import { systemRandom } from "../../../src/base/random.ts";
import type { EngineDriver } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { diskPlace, type StorePlace } from "../../../src/store/place.ts";
import type { SegmentFiles } from "../../../src/store/segment-files.ts";
import type { Store } from "../../../src/store/store.ts";
import { codeOf, inDirectory, onDisk, setOf } from "./support.ts";

const FAILURE = Object.assign(new Error("the disk says no"), { code: "EIO" });

async function write(store: Store, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await store.commit(setOf([`key ${n}`, `value ${n}`]));
}

function valueIn(store: Store, txId: bigint): string {
  return utf8ToString(store.log.value(txId, 0).subarray(1));
}

/** A place whose segment files fail once after (or instead of) a call that did its work. */
function failingFiles(directory: string, fail: (call: "create" | "remove", name: string) => boolean): StorePlace {
  const place = diskPlace(directory, systemRandom);
  const wrapped = (files: SegmentFiles): SegmentFiles => ({
    list: () => files.list(),
    append: (name, pieces) => files.append(name, pieces),
    read: (name, position, length) => files.read(name, position, length),
    close: () => files.close(),
    spool: () => files.spool(),
    create: async (name, bytes) => {
      await files.create(name, bytes);
      if (fail("create", name)) throw FAILURE;
    },
    remove: async (names) => {
      if (names.some((name) => fail("remove", name))) throw FAILURE;
      await files.remove(names);
    },
  });
  return { ...place, segmentFiles: () => wrapped(place.segmentFiles()) };
}

describe("values in segments", () => {
  test("are kept when a segment was put in place and the disk failed to say so", () =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      let armed = false;
      // Its file stays: removing it fails, too.
      const place = failingFiles(directory, () => armed);
      const store = await open({ valuesInSegments: true, place });
      await write(store, 1, 6);
      armed = true;
      await assert.rejects(store.truncateBefore(4n), FAILURE);
      armed = false;
      await write(store, 7, 9);
      assert.equal(valueIn(store, 8n), "value 8");
      await store.close();

      const again = await open({ valuesInSegments: true });
      for (const txId of [4n, 6n, 7n, 9n]) assert.equal(valueIn(again, txId), `value ${txId}`);
      await again.close();
    }));

  test("are removed by the second attempt when the first could not", () =>
    inDirectory(async (directory) => {
      let armed = false;
      const place = failingFiles(directory, (call) => armed && call === "remove");
      const store = await onDisk(directory)({ valuesInSegments: true, place });
      await write(store, 1, 6);
      armed = true;
      await assert.rejects(store.truncateBefore(4n), FAILURE);
      armed = false;
      await store.truncateBefore(4n);
      await assert.rejects(access(join(directory, "values", "0000000000000001.seg")), { code: "ENOENT" });
      assert.equal(valueIn(store, 4n), "value 4");
      await store.close();
    }));
});

describe("a log that is being rewritten", () => {
  /** What fails, counted in the calls that exchange the two logs: the old one away, the new one in, opening it. */
  const steps: Readonly<Record<string, { readonly call: "move" | "open"; readonly nth: number }>> = {
    "after the old one was moved away": { call: "move", nth: 1 },
    "after the new one was moved in": { call: "move", nth: 2 },
    "when the new one is opened": { call: "open", nth: 1 },
  };
  for (const [name, { call, nth }] of Object.entries(steps)) {
    test(`is the old one again when the disk fails ${name}; commits go on and are kept`, () =>
      inDirectory(async (directory) => {
        const open = onDisk(directory);
        const failing = failingDriver(directory, (done, count) => done === call && count === nth);
        const store = await open({ driver: failing.driver });
        await write(store, 1, 6);
        failing.arm();
        await assert.rejects(store.truncateBefore(4n), FAILURE);
        await write(store, 7, 9);
        await store.close();

        const again = await open();
        assert.equal(again.committed.txId, 9n);
        assert.equal(valueIn(again, 9n), "value 9");
        assert.equal(await codeOf(() => again.log.value(3n, 0)), "value_truncated");
        await again.close();
      }));
  }

  test("that can neither be exchanged nor put back takes no more commits until the next start", () =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      const failing = failingDriver(directory, (done) => done === "move");
      const store = await open({ driver: failing.driver });
      await write(store, 1, 6);
      failing.arm();
      assert.equal(await codeOf(() => store.truncateBefore(4n)), "outcome_unknown");
      assert.equal(await codeOf(() => write(store, 7, 7)), "read_only");
      assert.equal(valueIn(store, 6n), "value 6");
      await store.close();

      const again = await open();
      assert.equal(again.committed.txId, 6n);
      await write(again, 7, 7);
      await again.close();
    }));
});

/** LMDB, failing after the work is done, from `arm` on. `fails` is told the call and how many there were of it. */
function failingDriver(
  directory: string,
  fails: (call: "move" | "open", count: number) => boolean,
): { readonly driver: EngineDriver; arm(): void } {
  const log = join(directory, "log");
  const counts = { move: 0, open: 0 };
  let armed = false;
  const driver: EngineDriver = {
    ...lmdbDriver,
    open: async (path, options) => {
      if (armed && path === log && fails("open", ++counts.open)) throw FAILURE;
      return lmdbDriver.open(path, options);
    },
    move: async (from, to) => {
      await lmdbDriver.move(from, to);
      if (armed && fails("move", ++counts.move)) throw FAILURE;
    },
  };
  return {
    driver,
    arm: () => {
      armed = true;
    },
  };
}
