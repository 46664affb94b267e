// An environment that is not trusted: served at once, by our own code, while all of it is looked at. None of these files may
// end the process of the test.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { compareBytes, utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { CheckedReader } from "../../../src/store/checked-reader.ts";
import type { Engine, RangeOptions } from "../../../src/store/engine.ts";
import { lmdbDriver, makeLmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const PAGE = 8192;
/** Looks at nothing before it opens, so that even small files are looked at while they are served. */
const driver = makeLmdbDriver(0);

let root: string;
/** An environment of pages of every kind, some of them free. */
let whole: string;
/** Its rows in order, with another table's after them. */
let rows: ReadonlyMap<string, string>;

before(async () => {
  root = mkdtempSync(join(tmpdir(), "checked-"));
  whole = join(root, "whole");
  const engine = await lmdbDriver.open(whole, { durable: true });
  const [many, few] = [engine.table("many"), engine.table("few")];
  const random = new SeededRandom(3);
  const expected = new Map<string, string>();
  for (let batch = 0; batch < 6; batch++) {
    await engine.write((write) => {
      for (let i = 0; i < 150; i++) {
        const key = String(random.below(600)).padStart(1 + random.below(60), "0");
        if (random.chance(0.25)) {
          write.remove(many, utf8(key));
          expected.delete(key);
        } else {
          const value = String(batch).repeat(random.chance(0.02) ? 20_000 : random.below(300));
          write.put(many, utf8(key), utf8(value));
          expected.set(key, value);
        }
      }
      write.put(few, utf8("k"), utf8(String(batch)));
    });
  }
  await engine.close();
  rows = new Map([...expected].sort(([a], [b]) => compareBytes(utf8(a), utf8(b))));
});
after(() => rmSync(root, { recursive: true }));

/** A copy of that environment, with a change of its file. */
function copied(name: string, change: (bytes: Uint8Array) => void = () => undefined): string {
  const directory = join(root, name);
  rmSync(directory, { recursive: true, force: true });
  cpSync(whole, directory, { recursive: true });
  const bytes = readFileSync(join(directory, "data.mdb"));
  change(bytes);
  writeFileSync(join(directory, "data.mdb"), bytes);
  return directory;
}

const distrusted = { durable: true, distrusted: true };

const read = (engine: Engine, table: string, options: RangeOptions = {}): string[][] =>
  [...engine.table(table).range(options)].map(({ key, value }) => [utf8ToString(key), utf8ToString(value)]);

test("all that is there is read as LMDB reads it, from every place to every other, while it is looked at and after", async () => {
  const engine = await driver.open(copied("read"), distrusted);
  const trusted = await lmdbDriver.open(whole, { durable: true, readOnly: true });
  const keys = [...rows.keys(), "!", "zzz"];
  const random = new SeededRandom(11);
  const compare = (): void => {
    assert.deepEqual(new Map(read(engine, "many") as [string, string][]), rows);
    assert.deepEqual(read(engine, "none"), []);
    for (let i = 0; i < 150; i++) {
      const [from, to] = [0, 1].map(() =>
        random.chance(0.2) ? undefined : utf8(keys[random.below(keys.length)] as string),
      );
      const options = {
        from,
        to,
        reverse: random.chance(0.5),
        limit: random.chance(0.5) ? random.below(20) : undefined,
      };
      assert.deepEqual(read(engine, "many", options), read(trusted, "many", options), JSON.stringify(options));
      const key = utf8(keys[random.below(keys.length)] as string);
      const [value, expected] = [engine, trusted].map((each) =>
        each.table("many").get(key.length > 0 ? key : utf8("k")),
      );
      assert.deepEqual(value && utf8ToString(value), expected && utf8ToString(expected));
    }
  };
  assert.ok(engine.sound !== undefined);
  compare();
  await engine.sound;
  compare();
  await trusted.close();
  await engine.close();
});

test("rows behind the last one are written at once, others when all has been looked at, all in the order of the calls", async () => {
  const engine = await driver.open(copied("write"), distrusted);
  const many = engine.table("many");
  const done: string[] = [];
  const put = async (key: string, value: string): Promise<void> => {
    await engine.write((batch) => batch.put(many, utf8(key), utf8(value)));
    done.push(key);
  };
  const sound = engine.sound?.then(() => done.push("sound"));
  await put("zzz1", "behind");
  await engine.write((batch) => batch.put(engine.table("few"), utf8("k"), utf8("one page")));
  await engine.write((batch) => batch.put(engine.table("new"), utf8("k"), utf8("new")));
  assert.deepEqual(done, ["zzz1"]);
  assert.deepEqual(read(engine, "many", { from: utf8("zzz") }), [["zzz1", "behind"]]);
  assert.deepEqual([read(engine, "few"), read(engine, "new")], [[["k", "one page"]], [["k", "new"]]]);
  const first = [...rows.keys()][0] as string;
  await Promise.all([put(first, "waited"), put("zzz2", "behind it"), put(first, "last"), sound]);
  assert.deepEqual(done, ["zzz1", "sound", first, "zzz2", first]);
  engine.refresh();
  assert.equal(utf8ToString(many.get(utf8(first)) as Uint8Array), "last");
  await put("zzz3", "sound");
  await engine.close();
  await using reopened = closing(await lmdbDriver.open(join(root, "write"), { durable: true }));
  assert.equal(read(reopened.engine, "many", { from: utf8("zzz") }).length, 3);
});

test("many rows are written behind the last one, and read, while the state that is looked at stays as it was", async () => {
  const engine = await driver.open(copied("append"), distrusted);
  const many = engine.table("many");
  let isSound = false;
  const sound = engine.sound?.then(() => {
    isSound = true;
  });
  let added = 0;
  for (; !isSound || added < 50; added++) {
    const key = utf8(`zzz${String(added).padStart(6, "0")}`);
    await engine.write((batch) => batch.put(many, key, new Uint8Array(500)));
    engine.refresh();
    assert.equal(many.get(key)?.length, 500);
  }
  await sound;
  assert.equal(read(engine, "many").length, rows.size + added);
  await engine.close();
});

describe("a page that ends whoever uses it through LMDB", () => {
  test("is noticed when it is opened, read or looked at, whichever page it is, and nothing wrong is read", async () => {
    const pages = readFileSync(join(whole, "data.mdb")).length / PAGE;
    const ends = new Map<string, number>();
    for (let page = 2; page < pages; page++) {
      const end = await endOf(
        copied("torn", (bytes) => bytes.fill(0, page * PAGE + (page % 2) * 24, (page + 1) * PAGE)),
      );
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    assert.deepEqual([...ends.keys()].sort(), ["not opened", "sound", "unsound"]);
    assert.ok((ends.get("not opened") ?? 0) >= 3, "lists of tables and free pages, right edges");
    assert.ok((ends.get("unsound") ?? 0) >= 10, [...ends].join());
  });

  async function endOf(directory: string): Promise<string> {
    let engine: Engine;
    try {
      engine = await driver.open(directory, distrusted);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "damaged");
      return "not opened";
    }
    for (const [key, value] of [...rows].filter((_, i) => i % 10 === 0)) {
      try {
        const found = engine.table("many").get(utf8(key));
        // A value that was zeroed is for whoever knows its digest to notice.
        if (found !== undefined && !found.includes(0)) assert.equal(utf8ToString(found), value);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "damaged");
      }
    }
    const waiting = engine
      .write((batch) => batch.put(engine.table("many"), utf8("0"), utf8("x")))
      .then(
        () => "written",
        () => "refused",
      );
    const end = await (engine.sound as Promise<void>).then(
      () => "sound",
      (error) => (error.code === "damaged" ? "unsound" : String(error)),
    );
    assert.equal(await waiting, end === "sound" ? "written" : "refused");
    await engine.close();
    return end;
  }
});

test("closing does not wait until all has been looked at, and says so to who waits", async () => {
  const engine = await driver.open(copied("close"), distrusted);
  const waiting = engine.write((batch) => batch.remove(engine.table("many"), utf8("0")));
  const refused = assert.rejects(waiting, { code: "closed" });
  await Promise.all([engine.close(), refused, assert.rejects(engine.sound as Promise<void>, { code: "closed" })]);
  assert.throws(() => engine.table("many").get(utf8("0")), { code: "closed" });
});

test("meta pages that are none are an error of the reader", () => {
  const directory = copied("meta", (bytes) => bytes.fill(0, 0, PAGE));
  const reader = new CheckedReader(join(directory, "data.mdb"));
  assert.throws(() => reader.get("many", utf8("0")), { code: "damaged" });
  reader.close();
});

function closing(engine: Engine): { engine: Engine; [Symbol.asyncDispose](): Promise<void> } {
  return { engine, [Symbol.asyncDispose]: () => engine.close() };
}
