import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ActiveDatabases } from "../../../src/database/active-databases.ts";
import { DatabaseError } from "../../../src/database/errors.ts";
import { codeOf } from "./support.ts";

/** A database that a test lets open and close when it wants, and that notes what happens. */
class Fake {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface World {
  readonly active: ActiveDatabases<Fake>;
  /** What was opened (+) and closed (-), in order. */
  readonly happened: string[];
  /** Opened or being opened or closed. */
  readonly most: () => number;
  /** Closing waits until it is called. */
  holdCloses(): () => void;
  failing: string | undefined;
}

function world(max: number): World {
  const happened: string[] = [];
  let [now, most] = [0, 0];
  let held: Promise<void> = Promise.resolve();
  const made: World = {
    happened,
    failing: undefined,
    most: () => most,
    holdCloses: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    active: new ActiveDatabases<Fake>({
      max,
      open: async (name) => {
        most = Math.max(most, ++now);
        await turn();
        if (name === made.failing) {
          now--;
          throw new Error(`${name} does not open`);
        }
        happened.push(`+${name}`);
        return new Fake(name);
      },
      close: async ({ name }) => {
        await held;
        await turn();
        happened.push(`-${name}`);
        now--;
      },
    }),
  };
  return made;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function call({ active }: World, ...names: readonly string[]): Promise<void> {
  for (const name of names) active.end(await active.begin(name));
}

describe("active databases", () => {
  test("are opened by their first call and stay open: later calls wait for nothing", async () => {
    const w = world(2);
    const first = w.active.begin("a");
    assert.ok(first instanceof Promise);
    assert.equal(w.active.peek("a"), undefined);
    const database = await first;
    assert.equal(w.active.begin("a"), database);
    assert.equal(w.active.peek("a"), database);
    assert.deepEqual(w.happened, ["+a"]);
  });

  test("make room in the order of their last calls", async () => {
    const w = world(3);
    await call(w, "a", "b", "c", "a", "d", "b");
    assert.deepEqual(w.happened, ["+a", "+b", "+c", "-b", "+d", "-c", "+b"]);
    assert.equal(w.most(), 3);
  });

  test("with a call under way do not make room, however long ago it began", async () => {
    const w = world(2);
    const busy = await w.active.begin("a");
    await call(w, "b", "c", "d");
    assert.deepEqual(w.happened, ["+a", "+b", "-b", "+c", "-c", "+d"]);
    w.active.end(busy);
    await call(w, "b");
    assert.deepEqual(w.happened.slice(-2), ["-a", "+b"]);
  });

  test("all busy: one more is refused with the limit and its setting, and served when one is idle", async () => {
    const w = world(2);
    const [a, b] = [w.active.begin("a"), await w.active.begin("b")];
    assert.throws(
      () => w.active.begin("c"),
      (error: unknown) => {
        assert.ok(error instanceof DatabaseError);
        assert.equal(error.code, "databases_busy");
        assert.deepEqual({ ...error.data }, { limit: 2, setting: "max-active-databases" });
        return true;
      },
    );
    assert.equal((await a).name, "a", "also one that is still being opened is busy");
    w.active.end(b);
    await call(w, "c");
    assert.deepEqual(w.happened, ["+a", "+b", "-b", "+c"]);
    assert.equal(w.most(), 2);
  });

  test("are opened once for many calls at the same time, and are busy until the last of them ends", async () => {
    const w = world(1);
    const [first, second] = await Promise.all([w.active.begin("a"), w.active.begin("a")]);
    assert.equal(first, second);
    w.active.end(first);
    assert.equal(await codeOf(() => w.active.begin("b")), "databases_busy");
    w.active.end(first);
    await call(w, "b");
    assert.deepEqual(w.happened, ["+a", "-a", "+b"]);
  });

  test("are closed ahead, so that one place in twenty is free for a call that comes alone", async () => {
    const w = world(20);
    const names = Array.from({ length: 20 }, (_, i) => `d${i}`);
    await call(w, ...names.slice(0, 19));
    await turn();
    assert.equal(w.happened.length, 19);
    const busy = await w.active.begin("d0");
    const release = w.holdCloses();
    await call(w, "d19");
    assert.equal(w.active.size, 20, "closing has begun when the call was over");
    release();
    for (let i = 0; i < 3; i++) await turn();
    assert.deepEqual(w.happened.slice(19), ["+d19", "-d1"], "the least recently called without calls under way");
    assert.equal(w.active.size, 19);
    w.active.end(busy);
    await call(w, "e");
    assert.deepEqual(w.happened.slice(21), ["+e"], "it waited for nothing");
    assert.equal(w.most(), 20);
  });

  test("are not opened before the one that makes room, and they themselves, are closed", async () => {
    const w = world(2);
    await call(w, "a", "b");
    const release = w.holdCloses();
    const c = w.active.begin("c");
    const a = w.active.begin("a");
    for (let i = 0; i < 5; i++) await turn();
    assert.deepEqual(w.happened, ["+a", "+b"]);
    release();
    await Promise.all([a, c]);
    assert.equal(w.most(), 2);
    assert.deepEqual(w.happened.slice(2, 4).sort(), ["-a", "-b"]);
    assert.deepEqual(w.happened.slice(4).sort(), ["+a", "+c"]);
  });

  test("that do not open tell every caller, keep no place, and are tried again", async () => {
    const w = world(1);
    w.failing = "a";
    const both = await Promise.allSettled([w.active.begin("a"), w.active.begin("a")]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(w.active.size, 0);
    await call(w, "b");
    w.failing = undefined;
    await call(w, "a");
    assert.deepEqual(w.happened, ["+b", "-b", "+a"]);
  });

  test("closed by hand keep their place until they are, and a call that was under way does not count later", async () => {
    const w = world(1);
    const old = await w.active.begin("a");
    const release = w.holdCloses();
    const closed = w.active.close("a");
    await turn();
    assert.equal(w.active.peek("a"), undefined);
    assert.equal(await codeOf(() => w.active.begin("b")), "databases_busy");
    release();
    await closed;
    await w.active.close("a");
    const again = await w.active.begin("a");
    w.active.end(old);
    assert.equal(await codeOf(() => w.active.begin("b")), "databases_busy", "the new call is still under way");
    w.active.end(again);
    await w.active.closeAll();
    assert.equal(w.active.size, 0);
    assert.deepEqual(w.happened, ["+a", "-a", "+a", "-a"]);
  });

  test("being opened are closed once they are, when everything is closed", async () => {
    const w = world(3);
    await call(w, "a");
    const opening = w.active.begin("b");
    await w.active.closeAll();
    assert.equal((await opening).name, "b");
    assert.deepEqual(w.happened.toSorted(), ["+a", "+b", "-a", "-b"]);
    assert.equal(w.active.size, 0);
  });
});
