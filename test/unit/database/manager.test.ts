import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { silentLogger } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { diskDirectory } from "../../../src/database/data-directory.ts";
import type { Database } from "../../../src/database/database.ts";
import { DatabaseError } from "../../../src/database/errors.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import type { DatabaseSettingsChange } from "../../../src/database/settings.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { brief, codeOf, getRequest, setRequest, TestClock } from "./support.ts";

const NEW = { ifNotExists: false, createdBy: "somebody" };

async function inDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "manager-"));
  try {
    await body(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

function open(path: string): Promise<DatabaseManager> {
  return DatabaseManager.open({
    directory: diskDirectory(path, systemRandom),
    driver: lmdbDriver,
    clock: new TestClock(),
    random: systemRandom,
    logger: silentLogger,
  });
}

const withManager = (body: (manager: DatabaseManager, path: string) => Promise<void>): Promise<void> =>
  inDirectory(async (path) => {
    const manager = await open(path);
    try {
      await body(manager, path);
    } finally {
      await manager.close();
    }
  });

const names = (manager: DatabaseManager): string =>
  manager
    .list()
    .map(({ name }) => name)
    .join(" ");
const create = (manager: DatabaseManager, name: string, change: DatabaseSettingsChange = {}): Promise<unknown> =>
  manager.create(name, change, NEW);
/** A database that a call has opened. */
const called = (manager: DatabaseManager, name: string): Promise<Database> => manager.use(name, (database) => database);
const setOne = (manager: DatabaseManager, name: string, value: string): Promise<unknown> =>
  manager.use(name, (database) => database.set(setRequest([["k", value]])));
const getOne = (manager: DatabaseManager, name: string): Promise<string> =>
  manager.use(name, (database) => brief(database.get(getRequest("k"))));

describe("a data directory", () => {
  test("has the default database from the start, and the system's, which is not listed", () =>
    withManager(async (manager) => {
      assert.equal(names(manager), "defaultdb");
      assert.equal((await called(manager, "systemdb")).state().txId, 0n);
      assert.match(manager.serverUuid, /^[0-9a-v]{20}$/);
      assert.equal(manager.numTransactions(), 0n);
      assert.ok(manager.diskSize() > 0);
    }));

  test("belongs to one server at a time, and comes back as it was left", () =>
    inDirectory(async (path) => {
      const first = await open(path);
      assert.equal(await codeOf(() => open(path)), "locked");
      await create(first, "orders", { maxKeyLen: 99 });
      await setOne(first, "orders", "1");
      await setOne(first, "defaultdb", "2");
      const { serverUuid } = first;
      const info = first.info("orders");
      await first.close();

      const second = await open(path);
      assert.equal(second.serverUuid, serverUuid);
      assert.equal(names(second), "defaultdb orders");
      assert.equal(await getOne(second, "orders"), "k=1@1#1");
      assert.equal(second.numTransactions(), 2n);
      const again = second.info("orders");
      assert.deepEqual({ ...again, diskSize: 0 }, { ...info, diskSize: 0 });
      assert.equal(again.settings.maxKeyLen, 99);
      assert.equal(again.createdBy, "somebody");
      assert.equal(again.createdAt, 1_700_000_000);
      await second.close();
    }));

  test("can be closed twice, and does nothing afterwards", () =>
    inDirectory(async (path) => {
      const manager = await open(path);
      await create(manager, "orders");
      const database = await called(manager, "orders");
      await manager.unload("orders");
      await Promise.all([manager.close(), manager.close()]);
      await manager.close();
      assert.equal(await codeOf(() => database.get(getRequest("k"))), "closed");
      assert.equal(await codeOf(() => create(manager, "late")), "closed");
      assert.equal(await codeOf(() => manager.load("orders")), "closed");
      assert.equal(await codeOf(() => manager.delete("orders")), "closed");
      assert.equal(await codeOf(() => called(manager, "defaultdb")), "database_unloaded");
      const again = await open(path);
      assert.equal(names(again), "defaultdb orders");
      await again.close();
    }));

  test("that cannot be opened is given back", () =>
    inDirectory(async (path) => {
      await writeFile(join(path, "immudb.identifier"), "too short");
      assert.equal(await codeOf(() => open(path)), "damaged");
      await rm(join(path, "immudb.identifier"));
      await (await open(path)).close();
    }));
});

describe("creating a database", () => {
  test("opens it, under its name in lower case", () =>
    withManager(async (manager, path) => {
      const { info, alreadyExisted } = await manager.create("Orders", { maxTxEntries: 5 }, NEW);
      assert.equal(alreadyExisted, false);
      assert.equal(info.name, "orders");
      assert.equal(info.loaded, true);
      assert.equal(info.settings.maxTxEntries, 5);
      await setOne(manager, "orders", "1");
      assert.equal(await codeOf(() => setOne(manager, "Orders", "1")), "database_not_found");
      assert.ok(existsSync(join(path, "orders", "log", "data.mdb")));
      assert.equal(
        await codeOf(() => manager.use("orders", (database) => database.get(getRequest("x")))),
        "key_not_found",
      );
    }));

  test("is refused for a name that is taken, reserved or wrong, and for wrong settings", () =>
    withManager(async (manager) => {
      await create(manager, "orders");
      assert.equal(await codeOf(() => create(manager, "orders")), "database_exists");
      assert.equal(await codeOf(() => create(manager, "ORDERS")), "database_exists");
      for (const name of ["defaultdb", "systemdb", "DefaultDB"]) {
        assert.equal(await codeOf(() => create(manager, name)), "database_reserved");
        assert.equal(await codeOf(() => manager.create(name, {}, { ...NEW, ifNotExists: true })), "database_reserved");
      }
      assert.equal(await codeOf(() => create(manager, "a-b")), "name_punctuation");
      assert.equal(await codeOf(() => create(manager, "")), "name_length");
      assert.equal(await codeOf(() => create(manager, "other", { maxKeyLen: 0 })), "setting_invalid");
      assert.equal(names(manager), "defaultdb orders", "what was refused left nothing");
      assert.equal(await codeOf(() => create(manager, "other")), "none");
    }));

  test("again is no error when it is only to exist, and changes nothing", () =>
    withManager(async (manager) => {
      await create(manager, "orders", { maxTxEntries: 5 });
      const { info, alreadyExisted } = await manager.create(
        "orders",
        { maxTxEntries: 9 },
        { ...NEW, ifNotExists: true },
      );
      assert.equal(alreadyExisted, true);
      assert.equal(info.settings.maxTxEntries, 5);
      const other = await manager.create("other", {}, { ...NEW, ifNotExists: true });
      assert.equal(other.alreadyExisted, false);
    }));

  test("many at once numbers them one by one", () =>
    withManager(async (manager) => {
      const created = ["c", "a", "b"];
      await Promise.all(created.map((name) => create(manager, name)));
      assert.equal(names(manager), "defaultdb c a b", "the default one first, then in order of creation");
      const numbers = created.map((name) => manager.info(name).number);
      assert.deepEqual(
        numbers.map((number) => manager.nameOf(number)),
        created,
      );
      assert.equal(new Set(numbers).size, 3);
      const twice = await Promise.all([codeOf(() => create(manager, "d")), codeOf(() => create(manager, "d"))]);
      assert.deepEqual(twice.sort(), ["database_exists", "none"]);
    }));
});

describe("loading and unloading", () => {
  test("close a database and open it again", () =>
    withManager(async (manager) => {
      await create(manager, "orders");
      await setOne(manager, "orders", "1");
      const database = await called(manager, "orders");
      const accepted = database.set(setRequest([["k", "2"]]));
      await manager.unload("orders");
      assert.equal((await accepted).id, 2n, "an accepted write ends first");
      assert.equal(await codeOf(() => called(manager, "orders")), "database_unloaded");
      assert.equal(await codeOf(() => database.get(getRequest("k"))), "closed");
      assert.equal(await codeOf(() => database.set(setRequest([["k", "3"]]))), "closed");
      const info = manager.info("orders");
      assert.deepEqual([info.loaded, info.diskSize, info.numTransactions], [false, 0, 0n]);
      assert.equal(await codeOf(() => manager.unload("orders")), "database_unloaded");
      await manager.load("orders");
      assert.equal(await getOne(manager, "orders"), "k=2@2#2");
      assert.equal(await codeOf(() => manager.load("orders")), "database_loaded");
    }));

  test("are refused for what is not there or reserved", () =>
    withManager(async (manager) => {
      assert.equal(await codeOf(() => manager.load("absent")), "database_not_found");
      assert.equal(await codeOf(() => manager.unload("absent")), "database_not_found");
      assert.equal(await codeOf(() => called(manager, "absent")), "database_not_found");
      assert.equal(await codeOf(() => manager.info("absent")), "database_not_found");
      assert.equal(await codeOf(() => manager.nameOf(99)), "database_not_found");
      for (const name of ["defaultdb", "systemdb"]) {
        assert.equal(await codeOf(() => manager.unload(name)), "database_reserved");
        assert.equal(await codeOf(() => manager.load(name)), "database_loaded");
      }
    }));

  test("a database that does not load by itself waits at the next start", () =>
    inDirectory(async (path) => {
      const first = await open(path);
      await create(first, "orders", { autoload: false });
      await setOne(first, "orders", "1");
      await first.close();
      const second = await open(path);
      assert.equal(await codeOf(() => called(second, "orders")), "database_unloaded");
      await second.load("orders");
      assert.equal(await getOne(second, "orders"), "k=1@1#1");
      await second.close();
    }));
});

describe("deleting a database", () => {
  test("removes its data and never gives its name again", () =>
    inDirectory(async (path) => {
      const first = await open(path);
      await create(first, "orders");
      await create(first, "other");
      const { number } = first.info("orders");
      assert.equal(await codeOf(() => first.delete("orders")), "database_open");
      await first.unload("orders");
      await first.delete("orders");
      assert.ok(!(await readdir(path)).some((name) => name.includes("orders")));
      assert.equal(names(first), "defaultdb other");
      const check = async (manager: DatabaseManager): Promise<void> => {
        assert.equal(await codeOf(() => create(manager, "orders")), "database_exists");
        const again = manager.create("orders", {}, { ...NEW, ifNotExists: true });
        assert.equal(await codeOf(() => again), "database_exists", "it would pass for the old one");
        assert.equal(await codeOf(() => manager.load("orders")), "database_not_found");
        assert.equal(await codeOf(() => manager.delete("orders")), "database_not_found");
        assert.equal(await codeOf(() => manager.nameOf(number)), "database_not_found");
        await assert.rejects(manager.load("orders"), (error: unknown) => {
          assert.ok(error instanceof DatabaseError);
          assert.deepEqual({ ...error.data }, { name: "orders", deleted: true });
          return true;
        });
      };
      await check(first);
      await first.close();
      const second = await open(path);
      await check(second);
      await create(second, "third");
      assert.ok(second.info("third").number > number, "numbers are not given again either");
      await second.close();
    }));

  test("is refused for the server's own and for unknown ones", () =>
    withManager(async (manager) => {
      assert.equal(await codeOf(() => manager.delete("defaultdb")), "database_reserved");
      assert.equal(await codeOf(() => manager.delete("systemdb")), "database_reserved");
      assert.equal(await codeOf(() => manager.delete("absent")), "database_not_found");
    }));

  for (const left of ["orders", ".deleted-orders"]) {
    test(`that a crash interrupted is finished at the next start (${left} was left)`, () =>
      inDirectory(async (path) => {
        const first = await open(path);
        await create(first, "orders");
        await first.unload("orders");
        await first.delete("orders");
        await first.close();
        await mkdir(join(path, left, "log"), { recursive: true });
        await writeFile(join(path, left, "log", "data.mdb"), "what was not removed yet");
        const second = await open(path);
        assert.ok(!(await readdir(path)).some((name) => name.includes("orders")));
        assert.equal(names(second), "defaultdb");
        await second.close();
      }));
  }
});
