// An index is never trusted because it is there: it belongs to this log, as far as it goes, or it is made anew.

import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import type { Logger } from "../../../src/base/observe.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { META_TABLE, WATERMARK_ROW } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import { inDirectory, onDisk, setOf } from "./support.ts";

const KEYS = ["a", "b", "c", "only here", "only there"];

/** A store in a directory of its own that holds these values, one transaction each, closed. */
async function written(
  directory: string,
  name: string,
  ...values: readonly (readonly [string, string])[]
): Promise<string> {
  const home = join(directory, name);
  await using store = await onDisk(home)();
  for (const value of values) await store.commit(setOf(value));
  return home;
}

async function replace(environment: "index" | "log", of: string, by: string): Promise<void> {
  await rm(join(of, environment), { recursive: true });
  await cp(join(by, environment), join(of, environment), { recursive: true });
}

/** What is read of every key: transaction, revision and the history. */
function reading(store: Store): unknown[] {
  return KEYS.map((name) => {
    const key = plainKey(utf8(name));
    const latest = store.latest(key);
    return latest === undefined ? "absent" : [latest, store.revisions(key, 1n, latest.revision, false)];
  });
}

/** Opens the store, says whether it made its index anew, and compares what is read with what its log says. */
async function reopened(home: string, directory: string): Promise<{ readonly rebuilt: boolean }> {
  let rebuilt = false;
  const logger: Logger = {
    ...silentLogger,
    warn: (_, message) => {
      if (message.includes("rebuilding")) rebuilt = true;
    },
  };
  const fresh = join(directory, `fresh-${Math.random()}`);
  await cp(home, fresh, { recursive: true });
  await rm(join(fresh, "index"), { recursive: true, force: true });
  await using expected = await onDisk(fresh)();
  await using store = await onDisk(home)({ logger });
  assert.deepEqual(reading(store), reading(expected));
  await store.settled();
  assert.equal(store.indexed, store.committed.txId);
  assert.deepEqual(reading(store), reading(expected));
  return { rebuilt };
}

describe("an index that was exchanged", () => {
  const first = [
    ["a", "1"],
    ["b", "1"],
    ["a", "2"],
  ] as const;

  test("for none at all is made anew", () =>
    inDirectory(async (directory) => {
      const home = await written(directory, "home", ...first);
      await rm(join(home, "index"), { recursive: true });
      assert.deepEqual(await reopened(home, directory), { rebuilt: false });
    }));

  test("for an older one of the same log is brought up to it", () =>
    inDirectory(async (directory) => {
      const home = await written(directory, "home", ...first);
      const older = join(directory, "older");
      await cp(home, older, { recursive: true });
      await written(directory, "home", ["a", "3"], ["only here", "1"], ["b", "2"]);
      await replace("index", home, older);
      assert.deepEqual(await reopened(home, directory), { rebuilt: false });
    }));

  for (const [what, others] of [
    [
      "a shorter",
      [
        ["only there", "1"],
        ["a", "9"],
      ],
    ],
    [
      "an equally long",
      [
        ["only there", "1"],
        ["a", "9"],
        ["a", "10"],
      ],
    ],
    [
      "a longer",
      [
        ["only there", "1"],
        ["a", "9"],
        ["a", "10"],
        ["c", "1"],
        ["a", "11"],
      ],
    ],
  ] as const) {
    test(`for that of ${what} other log is dropped`, () =>
      inDirectory(async (directory) => {
        const home = await written(directory, "home", ...first);
        await replace("index", home, await written(directory, "other", ...others));
        assert.deepEqual(await reopened(home, directory), { rebuilt: true });
      }));
  }

  test("for that of a log that parted from this one is dropped", () =>
    inDirectory(async (directory) => {
      const home = await written(directory, "home", ...first);
      await cp(home, join(directory, "parted"), { recursive: true });
      const parted = await written(directory, "parted", ["only there", "1"]);
      await written(directory, "home", ["only here", "1"]);
      await replace("index", home, parted);
      assert.deepEqual(await reopened(home, directory), { rebuilt: true });
    }));

  test("for one that is ahead of the log is dropped: the log was put back from a copy", () =>
    inDirectory(async (directory) => {
      const home = await written(directory, "home", ...first);
      const older = join(directory, "older");
      await cp(home, older, { recursive: true });
      await written(directory, "home", ["a", "3"], ["b", "2"]);
      await replace("log", home, older);
      assert.deepEqual(await reopened(home, directory), { rebuilt: true });
    }));

  test("for one without a watermark is dropped", () =>
    inDirectory(async (directory) => {
      const home = await written(directory, "home", ...first);
      const engine = await lmdbDriver.open(join(home, "index"), { durable: true });
      await engine.write((batch) => batch.remove(engine.table(META_TABLE), WATERMARK_ROW));
      await engine.close();
      assert.deepEqual(await reopened(home, directory), { rebuilt: true });
    }));
});
