import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { utf8 } from "../../src/base/bytes.ts";
import { refusalOf, Services } from "./support.ts";

const [key, value] = [utf8("k"), utf8("v")];
const unknown = (text: string) => ({ code: Code.Unknown, text });
const RESERVED = { code: Code.Internal, text: "database is reserved", info: "XX000" };

describe("databases", () => {
  let services: Services;
  beforeEach(async () => {
    services = await Services.open();
  });
  afterEach(() => services[Symbol.asyncDispose]());

  test("are created under a lower-case name, once, and answered with their settings", async () => {
    const admin = await services.session();
    const created = await admin.createDatabaseV2({ name: "Books", settings: { maxKeyLen: { value: 64 } } });
    assert.equal(created.name, "books");
    assert.equal(created.alreadyExisted, false);
    assert.equal(created.settings?.maxKeyLen?.value, 64);
    assert.equal(created.settings?.maxTxEntries?.value, 1024);
    assert.deepEqual(await refusalOf(admin.createDatabaseV2({ name: "books" })), unknown("database already exists"));
    const again = await admin.createDatabaseV2({ name: "books", ifNotExists: true });
    assert.equal(again.alreadyExisted, true);
    assert.equal(again.settings?.maxKeyLen?.value, 64);
  });

  test("are created by the two older methods as well", async () => {
    const admin = await services.session();
    await admin.createDatabase({ databaseName: "one" });
    await admin.createDatabaseWith({ databaseName: "two", maxTxEntries: 2 });
    await admin.useDatabase({ databaseName: "two" });
    assert.equal((await admin.getDatabaseSettings({})).maxTxEntries, 2);
    assert.equal((await admin.getDatabaseSettingsV2({})).settings?.maxKeyLen?.value, 1024);
    const KVs = ["a", "b", "c"].map((name) => ({ key: utf8(name), value }));
    assert.deepEqual(await refusalOf(admin.set({ KVs })), unknown("max number of entries per tx exceeded"));
  });

  test("with names or settings that cannot be are refused, and leave nothing behind", async () => {
    const admin = await services.session();
    const refused = (name: string, settings = {}) => refusalOf(admin.createDatabaseV2({ name, settings }));
    assert.deepEqual(await refused(""), unknown("database name length outside of limits"));
    assert.deepEqual(await refused("with space"), unknown("unrecognized character in database name"));
    assert.deepEqual(
      await refused("with-dash"),
      unknown("punctuation marks and symbols are not allowed in database name"),
    );
    assert.deepEqual(await refused("systemdb"), RESERVED);
    assert.deepEqual(await refused("zero", { maxTxEntries: { value: 0 } }), {
      code: Code.InvalidArgument,
      text: "rpc error: code = InvalidArgument desc = illegal arguments: illegal arguments: invalid options: invalid MaxTxEntries",
    });
    assert.deepEqual(await refused("copy", { replicationSettings: { syncAcks: { value: 1 } } }), {
      code: Code.InvalidArgument,
      text: "illegal arguments: syncAcks needs syncReplication",
    });
    assert.deepEqual(
      (await admin.databaseList({})).databases.map((d) => d.databaseName),
      ["defaultdb"],
    );
  });

  test("are unloaded, loaded and deleted in that order only", async () => {
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    assert.deepEqual(await refusalOf(admin.loadDatabase({ database: "books" })), {
      code: Code.Internal,
      text: "database already loaded",
      info: "XX000",
    });
    assert.deepEqual(
      await refusalOf(admin.deleteDatabase({ database: "books" })),
      unknown("cannot delete an open database"),
    );
    assert.equal((await admin.unloadDatabase({ database: "books" })).database, "books");
    assert.deepEqual(await refusalOf(admin.unloadDatabase({ database: "books" })), unknown("already closed"));
    assert.deepEqual(await refusalOf(admin.useDatabase({ databaseName: "books" })), unknown("already closed"));
    await admin.loadDatabase({ database: "books" });
    await admin.unloadDatabase({ database: "books" });
    await admin.deleteDatabase({ database: "books" });
    assert.deepEqual(await refusalOf(admin.useDatabase({ databaseName: "books" })), unknown("database does not exist"));
    assert.deepEqual(
      await refusalOf(admin.loadDatabase({ database: "books" })),
      unknown("database does not exist: while opening database 'books'"),
    );
    assert.deepEqual(await refusalOf(admin.createDatabaseV2({ name: "books" })), unknown("database already exists"));
  });

  test("that never were are not found, in the words of the method", async () => {
    const admin = await services.session();
    assert.deepEqual(await refusalOf(admin.useDatabase({ databaseName: "nosuch" })), {
      code: Code.NotFound,
      text: "'nosuch' does not exist",
      info: "3F000",
    });
    assert.deepEqual(await refusalOf(admin.deleteDatabase({ database: "nosuch" })), unknown("database does not exist"));
    assert.deepEqual(await refusalOf(admin.unloadDatabase({ database: "defaultdb" })), RESERVED);
  });

  test("are listed to those who may use them, the default one first, with what is known of them", async () => {
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await admin.createDatabaseV2({ name: "art" });
    await services.addUser("reader", { art: "read" });
    const reader = await services.session("reader", "art");
    const names = async (client: typeof admin) => (await client.databaseListV2({})).databases.map((d) => d.name);
    assert.deepEqual(await names(admin), ["defaultdb", "books", "art"]);
    assert.deepEqual(await names(reader), ["art"]);
    const [art] = (await reader.databaseListV2({})).databases;
    assert.equal(art?.loaded, true);
    assert.equal(art?.createdBy, "immudb");
    assert.equal(art?.settings?.maxValueLen?.value, 33_554_432);
    assert.ok((art?.diskSize ?? 0n) > 0n);
  });

  test("the server's own database is written by nobody from outside", async () => {
    const admin = await services.session("immudb", "systemdb");
    assert.equal((await admin.currentState({})).db, "systemdb");
    assert.deepEqual(await refusalOf(admin.set({ KVs: [{ key, value }] })), {
      code: Code.Internal,
      text: "permission denied",
      info: "XX000",
    });
  });
});
