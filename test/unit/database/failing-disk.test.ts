import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { silentLogger } from "../../../src/base/observe.ts";
import { Database } from "../../../src/database/database.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import { DEFAULT_DATABASE_SETTINGS } from "../../../src/database/settings.ts";
import type { EngineDriver, Table } from "../../../src/store/engine.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk, type WriteFault } from "../../support/simulated-engine.ts";
import { codeOf, setRequest, TestClock } from "./support.ts";

const NEW = { ifNotExists: false, createdBy: "somebody" };

/** A manager on a simulated disk whose durable writes, and whose other ones, fail in turn as these lists say. */
async function onFailingDisk() {
  const faults: WriteFault[] = [];
  const otherFaults: WriteFault[] = [];
  const disk = new SimulatedDisk({
    random: new SeededRandom(1),
    fault: () => faults.shift() ?? "none",
    otherFault: () => otherFaults.shift() ?? "none",
  });
  const errors: string[] = [];
  const open = (): Promise<DatabaseManager> =>
    DatabaseManager.open({
      directory: disk.dataDirectory("/data"),
      driver: disk.driver(),
      clock: new TestClock(),
      random: { bytes: (length) => new Uint8Array(length) },
      logger: { ...silentLogger, error: (_fields, message) => errors.push(message) },
    });
  return { open, faults, otherFaults, errors, disk };
}

const names = (manager: DatabaseManager): string[] => manager.list().map(({ name }) => name);

describe("on a disk that fails, the catalog", () => {
  test("is written again, so that what a failed write left becomes known", async () => {
    const { open, faults } = await onFailingDisk();
    const manager = await open();
    for (const fault of ["lost", "stored"] as const) {
      faults.push(fault);
      await manager.create(fault, {}, NEW);
    }
    assert.deepEqual(names(manager), ["defaultdb", "lost", "stored"]);
    await manager.close();
  });

  test("that cannot be written leaves it open whether a database was created; its name is free", async () => {
    const { open, faults } = await onFailingDisk();
    const manager = await open();
    faults.push("stored", "lost");
    assert.equal(await codeOf(() => manager.create("mine", {}, NEW)), "catalog_unwritable");
    assert.deepEqual(names(manager), ["defaultdb"]);
    await manager.create("mine", {}, NEW);
    await manager.close();
  });

  test("on a full disk says that nothing was stored", async () => {
    const { open, faults } = await onFailingDisk();
    const manager = await open();
    faults.push("full", "full");
    assert.equal(await codeOf(() => manager.create("mine", {}, NEW)), "disk_low");
    await manager.close();
  });

  for (const fault of ["lost", "stored"] as const) {
    test(`that could not note a deletion (${fault}) lets nobody write to the database, and the next start tells`, async () => {
      const { open, faults } = await onFailingDisk();
      const manager = await open();
      await manager.create("mine", {}, NEW);
      await manager.unload("mine");
      faults.push(fault, "lost");
      assert.equal(await codeOf(() => manager.delete("mine")), "catalog_unwritable");
      assert.equal(await codeOf(() => manager.load("mine")), "database_not_found");
      await manager.close();
      const again = await open();
      assert.deepEqual(names(again), fault === "stored" ? ["defaultdb"] : ["defaultdb", "mine"]);
      await again.close();
    });
  }
});

test("data that cannot be removed keeps neither a deletion nor a start from succeeding", async () => {
  const { open, otherFaults, errors, disk } = await onFailingDisk();
  const manager = await open();
  await manager.create("mine", {}, NEW);
  await manager.unload("mine");
  otherFaults.push("lost");
  await manager.delete("mine");
  await manager.close();
  assert.deepEqual(errors, ["the data of a deleted database could not be removed"]);
  assert.ok(disk.tables("/data/mine/log")["log"] !== undefined);
  await (await open()).close();
  assert.equal(disk.tables("/data/mine/log")["log"], undefined, "the next start removes it");
});

test("a write that is stored is never refused because its proof cannot be read", async () => {
  let failing = false;
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const clock = new TestClock();
  const settings = DEFAULT_DATABASE_SETTINGS;
  const driver = unreadable(disk.driver(), () => failing);
  const store = await Store.open({
    database: "mine",
    directory: "simulated",
    place: disk.place(),
    driver,
    settings,
    clock,
    logger: silentLogger,
  });
  const database = new Database({ name: "mine", settings }, store, clock);
  failing = true;
  const answer = database.verifiableSet({ set: setRequest([["k", "v"]]), proveSinceTx: 0n });
  await assert.rejects(answer, { name: "DatabaseError", code: "stored_unproven", data: { txId: 1n } });
  failing = false;
  assert.equal(database.state().txId, 1n);
  await database.close();
});

/** The same environments, whose rows cannot be read while `isFailing`. */
function unreadable(driver: EngineDriver, isFailing: () => boolean): EngineDriver {
  return {
    ...driver,
    open: async (directory, options) => {
      const engine = await driver.open(directory, options);
      const originals = new Map<Table, Table>();
      return {
        write: (fill) =>
          engine.write((batch) =>
            fill({
              put: (table, key, value) => batch.put(originals.get(table) as Table, key, value),
              remove: (table, key) => batch.remove(originals.get(table) as Table, key),
            }),
          ),
        refresh: () => engine.refresh(),
        sizeBytes: () => engine.sizeBytes(),
        sync: () => engine.sync(),
        copy: (target) => engine.copy(target),
        close: () => engine.close(),
        table: (name) => {
          const original = engine.table(name);
          const table: Table = {
            get: (key) => {
              if (isFailing()) throw new StoreError("closed", "the environment is closed");
              return original.get(key);
            },
            peek: (key) => {
              if (isFailing()) throw new StoreError("closed", "the environment is closed");
              return original.peek(key);
            },
            range: (options) => original.range(options),
          };
          originals.set(table, original);
          return table;
        },
      };
    },
  };
}
