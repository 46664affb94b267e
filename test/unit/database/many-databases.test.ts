// More databases than may be open at once: each is there whenever it is called, and no more than allowed are open.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { diskDirectory } from "../../../src/database/data-directory.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import type { EngineDriver } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { brief, codeOf, getRequest, setRequest, TestClock } from "./support.ts";

const DATABASES = 120;
const ACTIVE = 8;
/** Log and index of each, and the catalog. */
const ENVIRONMENTS_MAX = 2 * ACTIVE + 1;
/** Three of an environment, and one of the directory of each database and of all (and sockets, which have no name here). */
const FILES_MAX = 3 * ENVIRONMENTS_MAX + ACTIVE + 1;

test(`${DATABASES} databases of which ${ACTIVE} may be open serve reads and writes, and come back after a restart`, async () => {
  const path = await mkdtemp(join(tmpdir(), "many-"));
  const names = Array.from({ length: DATABASES }, (_, i) => `db${i}`);
  const [random, environments] = [new SeededRandom(1), { now: 0, most: 0 }];
  const open = (): Promise<DatabaseManager> =>
    DatabaseManager.open({
      directory: diskDirectory(path, systemRandom),
      driver: counting(environments),
      clock: new TestClock(),
      random: systemRandom,
      logger: silentLogger,
      activeMax: ACTIVE,
    });
  const writes = new Map(names.map((name) => [name, 0]));
  const write = (manager: DatabaseManager, name: string): Promise<unknown> =>
    manager.use(name, async (database) => {
      const count = (writes.get(name) ?? 0) + 1;
      writes.set(name, count);
      await database.set(setRequest([["k", `${name} ${count}`]]));
    });
  const check = async (manager: DatabaseManager, name: string): Promise<void> => {
    const count = writes.get(name);
    assert.equal(
      await manager.use(name, (database) => brief(database.get(getRequest("k")))),
      `k=${name} ${count}@${count}#${count}`,
    );
  };
  try {
    const first = await open();
    for (const name of names) {
      await first.create(name, {}, { ifNotExists: false, createdBy: "test" });
      await write(first, name);
    }
    // As many calls at once as there are places: each finds one, since a call that ends makes its database idle.
    const lane = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const name = names[random.below(DATABASES)] as string;
        await (random.chance(0.5) ? write(first, name) : first.use(name, (database) => database.state()));
      }
    };
    await Promise.all(Array.from({ length: ACTIVE }, lane));
    assert.ok(first.list().every(({ loaded }) => loaded));
    const [transactions, bytes] = [first.numTransactions(), first.diskSize()];
    assert.equal(transactions, BigInt([...writes.values()].reduce((sum, count) => sum + count, 0)));
    assert.ok(bytes > 0);
    await first.close();

    const second = await open();
    assert.equal(second.numTransactions(), transactions, "of those that are closed, too");
    assert.equal(second.diskSize(), bytes);
    for (const name of names) await check(second, name);
    const files = await openFiles(path);
    assert.ok(files <= FILES_MAX, `${files} files are open`);
    assert.ok(environments.most <= ENVIRONMENTS_MAX, `${environments.most} environments were open`);

    const busy = await Promise.all(names.slice(0, ACTIVE).map((name) => second.acquire(name)));
    assert.equal(await codeOf(() => second.acquire("db100")), "databases_busy");
    for (const database of busy) second.release(database);
    await check(second, "db100");
    await second.close();
    assert.equal(environments.now, 0);
  } finally {
    await rm(path, { recursive: true });
  }
});

function counting(environments: { now: number; most: number }): EngineDriver {
  return {
    ...lmdbDriver,
    open: async (directory, options) => {
      environments.most = Math.max(environments.most, ++environments.now);
      const engine = await lmdbDriver.open(directory, options);
      const close = engine.close.bind(engine);
      let isOpen = true;
      engine.close = async () => {
        await close();
        if (isOpen) environments.now--;
        isOpen = false;
      };
      return engine;
    },
  };
}

/** Descriptors of this process that lead below a directory. */
async function openFiles(path: string): Promise<number> {
  if (process.platform !== "linux") return 0;
  const targets = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return targets.filter((target) => target.startsWith(path)).length;
}
