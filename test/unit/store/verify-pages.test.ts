// The walk over the pages of LMDB's files: it agrees with what LMDB writes, whatever was put and removed, and notices every
// byte of a page's structure that is not what LMDB wrote.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { Pace } from "../../../src/store/verify-pace.ts";
import { type PageWalk, walkPages } from "../../../src/store/verify-pages.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const PAGE = 8192;
const [BRANCH, LEAF, OVERFLOW] = [1, 2, 4];

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), "verify-pages-"));
});
after(() => rmSync(root, { recursive: true }));

async function walked(file: string): Promise<PageWalk & { readonly complaints: readonly string[] }> {
  const complaints: string[] = [];
  return { ...(await walkPages(file, new Pace(), (what) => complaints.push(what))), complaints };
}

test("what LMDB writes is sound after every batch, whatever is put, replaced and removed", async () => {
  const random = new SeededRandom(7);
  const directory = join(root, "soup");
  const file = join(directory, "data.mdb");
  for (let round = 0; round < 4; round++) {
    const engine = await lmdbDriver.open(directory, { durable: false });
    const [many, few] = [engine.table("many"), engine.table("few")];
    for (let batch = 0; batch < 25; batch++) {
      await engine.write((write) => {
        for (let i = 0; i < 150; i++) {
          const key = utf8(String(random.below(4000)).padStart(1 + random.below(300), "0"));
          if (random.chance(0.35)) write.remove(many, key);
          else write.put(many, key, random.bytes(random.chance(0.03) ? random.below(60_000) : random.below(500)));
        }
        write.put(few, utf8("k"), utf8(String(batch)));
      });
      assert.deepEqual((await walked(file)).complaints, [], `round ${round}, batch ${batch}`);
    }
    await engine.close();
    const { complaints, pages } = await walked(file);
    assert.deepEqual(complaints, []);
    assert.ok(pages > 100);
  }
});

test("an environment without rows is sound", async () => {
  const directory = join(root, "empty");
  const engine = await lmdbDriver.open(directory, { durable: true });
  engine.table("t");
  await engine.close();
  assert.deepEqual((await walked(join(directory, "data.mdb"))).complaints, []);
});

describe("a file with", () => {
  let whole: Uint8Array;
  /** Pages that are in use, by kind. */
  const pages = new Map<number, number[]>();
  before(async () => {
    const directory = join(root, "whole");
    const engine = await lmdbDriver.open(directory, { durable: true });
    const table = engine.table("t");
    for (let batch = 0; batch < 20; batch++) {
      await engine.write((write) => {
        for (let i = 0; i < 100; i++)
          write.put(table, utf8(`key ${batch * 100 + i}`), new Uint8Array(i === 7 ? 20_000 : 100 + i).fill(0xee));
      });
    }
    await engine.close();
    whole = Uint8Array.from(readFileSync(join(directory, "data.mdb")));
    // A page is in use when it is noticed that it carries the number of another one.
    for (let page = 2; page < whole.length / PAGE; page++) {
      if ((await damaged((bytes) => flip(bytes, page * PAGE))).complaints.length === 0) continue;
      const kind = new DataView(whole.buffer).getUint16(page * PAGE + 18, true);
      pages.set(kind, [...(pages.get(kind) ?? []), page]);
    }
  });

  const flip = (bytes: Uint8Array, at: number, bit = 1): void => {
    bytes[at] = (bytes[at] as number) ^ bit;
  };
  const damaged = (change: (bytes: Uint8Array) => unknown) => {
    const bytes = whole.slice();
    const changed = change(bytes);
    const file = join(root, "damaged.mdb");
    writeFileSync(file, changed instanceof Uint8Array ? changed : bytes);
    return walked(file);
  };
  const noticed = async (change: (bytes: Uint8Array) => unknown, what: RegExp | string): Promise<void> => {
    const { complaints } = await damaged(change);
    assert.match(complaints.join("\n"), what instanceof RegExp ? what : new RegExp(what), String(what));
  };

  test("every kind of page is looked at", () => {
    assert.deepEqual([...pages.keys()].sort(), [BRANCH, LEAF, OVERFLOW]);
    assert.ok((pages.get(LEAF)?.length ?? 0) > 20);
  });

  test("a changed bit in a page's number, kind, bounds or offsets names the page", async () => {
    for (const kind of [BRANCH, LEAF]) {
      const page = pages.get(kind)?.at(-1) as number;
      // Number, kind, lower, upper, and the offsets of the first two nodes.
      for (const at of [0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27])
        for (const bit of [1, 2, 16, 128])
          await noticed((bytes) => flip(bytes, page * PAGE + at, bit), `page ${page} `);
    }
    const long = pages.get(OVERFLOW)?.at(-1) as number;
    for (const at of [0, 7, 8, 15, 18, 19, 20, 21, 22, 23])
      await noticed((bytes) => flip(bytes, long * PAGE + at), `page ${long} `);
  });

  test("a page that claims to be younger than the one above it", async () => {
    const page = pages.get(LEAF)?.[0] as number;
    await noticed((bytes) => flip(bytes, page * PAGE + 12), `page ${page} is younger than the page that leads to it`);
  });

  test("a changed bit in a node: its lengths, its flags", async () => {
    const page = pages.get(LEAF)?.at(-1) as number;
    const view = new DataView(whole.buffer, page * PAGE);
    const node = page * PAGE + 24 + view.getUint16(24, true);
    for (const at of [0, 1, 2, 4, 5, 6, 7]) await noticed((bytes) => flip(bytes, node + at, 2), `page ${page} `);
  });

  test("a zeroed page", async () => {
    for (const kind of [BRANCH, LEAF, OVERFLOW]) {
      const page = pages.get(kind)?.[0] as number;
      await noticed((bytes) => bytes.fill(0, page * PAGE, (page + 1) * PAGE), `page ${page} `);
    }
  });

  test("keys that are not in order", async () => {
    const page = pages.get(LEAF)?.at(-1) as number;
    const view = new DataView(whole.buffer, page * PAGE);
    const [first, second] = [24, 26].map((at) => view.getUint16(at, true)) as [number, number];
    await noticed((bytes) => {
      const changed = new DataView(bytes.buffer, page * PAGE);
      changed.setUint16(24, second, true);
      changed.setUint16(26, first, true);
    }, `page ${page} has keys out of order`);
  });

  test("a page in two places", async () => {
    const page = pages.get(BRANCH)?.at(-1) as number;
    const view = new DataView(whole.buffer, page * PAGE);
    const nodeOf = (i: number): number => page * PAGE + 24 + view.getUint16(24 + 2 * i, true);
    await noticed((bytes) => bytes.copyWithin(nodeOf(1), nodeOf(0), nodeOf(0) + 4), /page \d+ is reached twice/);
  });

  test("a meta page that is not one", async () => {
    for (const [page, at] of [
      [0, 0],
      [0, 18],
      [0, 24],
      [0, 28],
      [1, 24],
      [1, 0],
    ] as const)
      await noticed((bytes) => flip(bytes, page * PAGE + at), /^meta page/);
    assert.equal((await damaged((bytes) => bytes.fill(0, 0, PAGE))).openable, false);
    await noticed((bytes) => flip(bytes, 49, 0x10), /meta page/);
  });

  test("counts of a tree that are not those of its pages", async () => {
    const view = new DataView(whole.buffer);
    const newest = view.getBigUint64(152, true) > view.getBigUint64(PAGE + 152, true) ? 0 : PAGE;
    // The second tree of the meta page: depth, branches, leaves, overflows, entries, root.
    for (const at of [104, 112, 120, 128, 136]) await noticed((bytes) => flip(bytes, newest + at), /list of tables/);
  });

  test("a page that is in use and free", async () => {
    const used = pages.get(LEAF)?.at(-1) as number;
    const free = pages.get(LEAF)?.find((page) => {
      const view = new DataView(whole.buffer, page * PAGE);
      // The list of free pages has keys of eight bytes.
      return view.getUint16(24 + view.getUint16(24, true) + 6, true) === 8 && view.getUint16(20, true) < 40;
    }) as number;
    const view = new DataView(whole.buffer, free * PAGE);
    const list = free * PAGE + 24 + view.getUint16(24, true) + 8 + 8;
    await noticed(
      (bytes) => new DataView(bytes.buffer).setBigUint64(list + 8, BigInt(used), true),
      `page ${used} is in use and among the free pages`,
    );
    await noticed(
      (bytes) => new DataView(bytes.buffer).setBigUint64(list + 8, 99_999n, true),
      "the list of free pages names page 99999",
    );
    const first = new DataView(whole.buffer).getBigInt64(list + 8, true);
    assert.ok(first > 0n && new DataView(whole.buffer).getBigUint64(list, true) > 1n, "a list of single pages");
    await noticed(
      (bytes) => new DataView(bytes.buffer).setBigInt64(list + 16, first, true),
      `page ${first} is among the free pages twice`,
    );
  });

  test("an end that comes too early", async () => {
    await noticed(() => whole.slice(0, whole.length / 2), /the file ends (before|within) page/);
    await noticed(() => whole.slice(0, 100), "the file ends within meta page 0");
    await noticed(() => utf8("hello"), "the file ends within meta page 0");
    await noticed(() => new Uint8Array(0), "the file ends within meta page 0");
  });

  test("changed bytes of values and of free pages is another's business", async () => {
    const long = pages.get(OVERFLOW)?.[0] as number;
    assert.deepEqual((await damaged((bytes) => flip(bytes, long * PAGE + 5000))).complaints, []);
  });
});
