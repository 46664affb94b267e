// A database that cannot be opened is out of service alone: the server starts, the others serve, and it comes back when the
// cause is gone.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { u32 } from "../../../src/base/bytes.ts";
import { type Logger, type Meter, silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { diskDirectory } from "../../../src/database/data-directory.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import type { DatabaseManagerOptions } from "../../../src/database/manager-options.ts";
import type { EngineDriver } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { brief, codeOf, getRequest, setRequest, TestClock } from "./support.ts";

interface World {
  readonly path: string;
  /** Errors that were logged. */
  readonly errors: string[];
  readonly gauges: Map<string, number>;
  open(options?: Partial<DatabaseManagerOptions>): Promise<DatabaseManager>;
}

async function inDirectory(body: (world: World) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "quarantine-"));
  const [errors, gauges] = [[] as string[], new Map<string, number>()];
  const logger: Logger = { ...silentLogger, error: ({ database }, message) => errors.push(`${database}: ${message}`) };
  const meter: Meter = { ...silentMeter, gauge: (name, value) => gauges.set(name, value) };
  const open = (options: Partial<DatabaseManagerOptions> = {}): Promise<DatabaseManager> =>
    DatabaseManager.open({
      directory: diskDirectory(path, systemRandom),
      driver: lmdbDriver,
      clock: new TestClock(),
      random: systemRandom,
      logger,
      meter,
      ...options,
    });
  try {
    await body({ path, errors, gauges, open });
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

const set = (manager: DatabaseManager, name: string): Promise<unknown> =>
  manager.use(name, (database) => database.set(setRequest([["k", name]])));
const get = (manager: DatabaseManager, name: string): Promise<string> =>
  manager.use(name, (database) => brief(database.get(getRequest("k"))));

/** Databases "orders" and "other", each with a record, closed; and a copy of everything, to restore from. */
async function filled({ path, open }: World): Promise<void> {
  const manager = await open();
  for (const name of ["orders", "other"]) await manager.create(name, {}, { ifNotExists: false, createdBy: "test" });
  for (const name of ["defaultdb", "orders", "other"]) await set(manager, name);
  await manager.close();
  await cp(path, `${path}.backup`, { recursive: true });
}

async function restore({ path }: World, name: string): Promise<void> {
  await rm(join(path, name), { recursive: true });
  await cp(join(`${path}.backup`, name), join(path, name), { recursive: true });
}

const breakLog = ({ path }: World, name: string): Promise<void> =>
  writeFile(join(path, name, "log", "data.mdb"), "hello");

describe("a database that cannot be opened", () => {
  test("is out of service, says why, and the others serve; loading it tries again", () =>
    inDirectory(async (world) => {
      await filled(world);
      await breakLog(world, "orders");
      const manager = await world.open();
      try {
        assert.deepEqual(
          manager.list().map(({ name, loaded }) => `${name} ${loaded}`),
          ["defaultdb true", "orders false", "other true"],
        );
        assert.equal(world.errors.length, 1, "said once, at start");
        assert.match(world.errors[0] ?? "", /^orders: THE DATABASE IS OUT OF SERVICE, the others serve: restore it/);
        assert.equal(world.gauges.get("immudb_ts_databases_quarantined"), 1);
        for (let i = 0; i < 2; i++) {
          await assert.rejects(get(manager, "orders"), (error: Error & { code?: string; data?: object }) => {
            assert.equal(error.code, "database_quarantined");
            assert.match(
              error.message,
              /orders: data is damaged: .*orders\/log\/data\.mdb: the file ends within meta page 0/,
            );
            return true;
          });
        }
        assert.equal(await codeOf(() => manager.unload("orders")), "database_quarantined");
        assert.equal(await get(manager, "other"), "k=other@1#1");
        assert.equal(await get(manager, "defaultdb"), "k=defaultdb@1#1");
        assert.equal(await codeOf(() => manager.load("orders")), "database_quarantined", "the cause is still there");
        await restore(world, "orders");
        assert.equal(await codeOf(() => get(manager, "orders")), "database_quarantined", "nobody looks by himself");
        await manager.load("orders");
        assert.equal(await get(manager, "orders"), "k=orders@1#1");
        assert.equal(manager.info("orders").loaded, true);
        assert.equal(world.gauges.get("immudb_ts_databases_quarantined"), 0);
        assert.equal(await codeOf(() => manager.load("orders")), "database_loaded");
      } finally {
        await manager.close();
      }
    }));

  for (const name of ["defaultdb", "systemdb"]) {
    test(`is the server's own ${name}: the server starts and serves the others all the same`, () =>
      inDirectory(async (world) => {
        await filled(world);
        await breakLog(world, name);
        const manager = await world.open();
        try {
          assert.equal(await codeOf(() => get(manager, name)), "database_quarantined");
          assert.equal(await get(manager, "orders"), "k=orders@1#1");
          await restore(world, name);
          await manager.load(name);
          assert.equal(await codeOf(() => get(manager, name)), name === "defaultdb" ? "none" : "key_not_found");
        } finally {
          await manager.close();
        }
      }));
  }

  test("is found when it is first called, if only opening it tells; it can be deleted", () =>
    inDirectory(async (world) => {
      await filled(world);
      const engine = await lmdbDriver.open(join(world.path, "orders", "log"), { durable: true });
      await engine.write((batch) => batch.put(engine.table("meta"), Buffer.from("format"), u32(99)));
      await engine.close();
      const manager = await world.open();
      try {
        assert.equal(manager.info("orders").loaded, true, "nothing is known against it yet");
        assert.equal(await codeOf(() => get(manager, "orders")), "database_quarantined");
        assert.equal(manager.info("orders").loaded, false);
        await manager.delete("orders");
        assert.equal(await codeOf(() => get(manager, "orders")), "database_not_found");
        assert.equal(world.gauges.get("immudb_ts_databases_quarantined"), 0);
      } finally {
        await manager.close();
      }
    }));

  test("for want of something that may come back is tried again by the next call", () =>
    inDirectory(async (world) => {
      await filled(world);
      const driver: EngineDriver = {
        ...lmdbDriver,
        open: async (directory, options) => {
          if (exhausted && directory.includes("orders")) throw Object.assign(new Error("no files"), { code: "EMFILE" });
          return lmdbDriver.open(directory, options);
        },
      };
      let exhausted = true;
      const manager = await world.open({ driver });
      try {
        for (let i = 0; i < 2; i++) assert.equal(await codeOf(() => get(manager, "orders")), "database_unavailable");
        assert.equal(manager.info("orders").loaded, true);
        assert.equal(await get(manager, "other"), "k=other@1#1");
        exhausted = false;
        assert.equal(await get(manager, "orders"), "k=orders@1#1");
      } finally {
        await manager.close();
      }
    }));
});
