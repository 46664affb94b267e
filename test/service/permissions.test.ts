import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { utf8 } from "../../src/base/bytes.ts";
import { refusalOf, Services } from "./support.ts";

const set = { KVs: [{ key: utf8("k"), value: utf8("v") }] };
const get = { key: utf8("k") };
const PERMISSION_DENIED = { code: Code.Internal, text: "permission denied", info: "XX000" };
const OPERATION_FORBIDDEN = {
  code: Code.Unknown,
  text: "loggedin user does not have permissions for this operation",
};
const DATABASE_FORBIDDEN = {
  code: Code.PermissionDenied,
  text: "Logged in user does not have permission on this database",
};

describe("permissions", () => {
  let services: Services;
  before(async () => {
    services = await Services.open();
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await admin.createDatabaseV2({ name: "art" });
    await admin.useDatabase({ databaseName: "books" });
    await admin.set(set);
    await services.addUser("reader", { books: "read" });
    await services.addUser("writer", { books: "write" });
    await services.addUser("owner", { books: "admin" });
  });
  after(() => services[Symbol.asyncDispose]());

  test("a reader reads and does not write", async () => {
    const reader = await services.session("reader", "books");
    await reader.get(get);
    await reader.verifiableGet({ keyRequest: get });
    assert.deepEqual(await refusalOf(reader.set(set)), PERMISSION_DENIED);
    assert.deepEqual(await refusalOf(reader.verifiableSet({ setRequest: set })), PERMISSION_DENIED);
    assert.deepEqual(await refusalOf(reader.delete({ keys: [get.key] })), PERMISSION_DENIED);
  });

  test("a writer writes and does not administer", async () => {
    const writer = await services.session("writer", "books");
    await writer.set(set);
    assert.deepEqual(await refusalOf(writer.unloadDatabase({ database: "books" })), OPERATION_FORBIDDEN);
    assert.deepEqual(await refusalOf(writer.flushIndex({})), PERMISSION_DENIED);
  });

  test("an administrator of one database administers that one alone", async () => {
    const owner = await services.session("owner", "books");
    assert.deepEqual(await refusalOf(owner.unloadDatabase({ database: "art" })), OPERATION_FORBIDDEN);
    assert.deepEqual(await refusalOf(owner.deleteDatabase({ database: "ART" })), OPERATION_FORBIDDEN);
    assert.deepEqual(await refusalOf(owner.createDatabaseV2({ name: "more" })), OPERATION_FORBIDDEN);
    assert.equal((await refusalOf(owner.loadDatabase({ database: "Books" }))).text, "database already loaded");
    assert.deepEqual(await refusalOf(owner.updateAuthConfig({})), PERMISSION_DENIED);
  });

  test("another database is refused without saying whether it is there", async () => {
    const reader = await services.session("reader", "books");
    assert.deepEqual(await refusalOf(reader.useDatabase({ databaseName: "art" })), DATABASE_FORBIDDEN);
    assert.deepEqual(await refusalOf(reader.useDatabase({ databaseName: "nosuch" })), DATABASE_FORBIDDEN);
    assert.equal((await reader.currentState({})).db, "books");
  });

  test("a permission that is taken away is gone with the next call", async () => {
    await services.addUser("guest", { books: "read" });
    const guest = await services.session("guest", "books");
    await guest.get(get);
    await services.addUser("guest", {});
    assert.deepEqual(await refusalOf(guest.get(get)), PERMISSION_DENIED);
  });

  test("whom a method that is not built would refuse, it refuses; the others learn that it is not built", async () => {
    const [reader, admin] = [await services.session("reader", "books"), await services.session()];
    assert.deepEqual(await refusalOf(reader.sQLExec({})), PERMISSION_DENIED);
    assert.deepEqual(await refusalOf(reader.createUser({ database: "books" })), {
      code: Code.Unknown,
      text: "you do not have permission on this database",
    });
    assert.deepEqual(await refusalOf(admin.sQLExec({})), {
      code: Code.Unimplemented,
      text: "SQLExec is not implemented by this server yet",
    });
  });

  test("streams that are not built say so, and ask for a login first", async () => {
    const first = async (stream: AsyncIterable<unknown>) => {
      for await (const message of stream) return message;
      return undefined;
    };
    const admin = await services.session();
    const query = { sql: "SELECT 1" };
    assert.equal((await refusalOf(first(services.client().sQLQuery(query)))).text, "not logged in");
    assert.equal(
      (await refusalOf(first(admin.sQLQuery(query)))).text,
      "SQLQuery is not implemented by this server yet",
    );
    const none = (async function* () {})();
    assert.equal((await refusalOf(services.client().streamSet(none))).text, "not logged in");
    assert.equal((await refusalOf(first(services.client().streamExportTx(none)))).text, "not logged in");
  });

  test("settings of the server are not changed from outside, by anybody", async () => {
    const admin = await services.session();
    const refused = { code: Code.Internal, text: "operation not supported", info: "XX000" };
    assert.deepEqual(await refusalOf(admin.updateAuthConfig({ kind: 1 })), refused);
    assert.deepEqual(await refusalOf(admin.updateMTLSConfig({ enabled: true })), refused);
  });
});
