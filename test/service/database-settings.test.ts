import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type Client, Code } from "@connectrpc/connect";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { refusalOf, Services } from "./support.ts";

const DAY_MS = 86_400_000;
const unknown = (text: string) => ({ code: Code.Unknown, text });
const illegal = (text: string) => ({
  code: Code.InvalidArgument,
  text: `rpc error: code = InvalidArgument desc = illegal arguments: ${text}`,
});
const NOT_FOUND = unknown("database does not exist");
const RESERVED = { code: Code.Internal, text: "database is reserved", info: "XX000" };

describe("a database that is there", () => {
  let services: Services;
  let admin: Client<typeof ImmuService>;
  beforeEach(async () => {
    services = await Services.open();
    admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await admin.useDatabase({ databaseName: "books" });
  });
  afterEach(() => services[Symbol.asyncDispose]());

  const set = (client: Client<typeof ImmuService>, ...keys: string[]) =>
    client.set({ KVs: keys.map((key) => ({ key: utf8(key), value: utf8(`${key}'s value`) })) });
  const retain = (days: number) => ({ truncationSettings: { retentionPeriod: { value: BigInt(days * DAY_MS) } } });

  test("is given other settings, which are answered, kept, and those of others left as they were", async () => {
    const { database, settings } = await admin.updateDatabaseV2({
      database: "Books",
      settings: { autoload: { value: false }, indexSettings: { cacheSize: { value: 5 } } },
    });
    assert.equal(database, "books");
    assert.deepEqual(
      [settings?.autoload?.value, settings?.indexSettings?.cacheSize?.value, settings?.maxTxEntries?.value],
      [false, 5, 1024],
    );
    assert.deepEqual((await admin.getDatabaseSettingsV2({})).settings, settings);
    assert.deepEqual((await admin.databaseListV2({})).databases.at(-1)?.settings, settings);
    assert.equal((await admin.databaseListV2({})).databases[0]?.settings?.autoload?.value, true);
  });

  test("writes by its new settings from the next call on, without being closed", async () => {
    await set(admin, "a");
    const open = services.room.databases.acquire("books");
    await admin.updateDatabaseV2({
      database: "books",
      settings: { excludeCommitTime: { value: true }, writeTxHeaderVersion: { value: 0 } },
    });
    const header = await set(admin, "b");
    assert.equal(header.version, 0);
    assert.equal(header.ts, (await admin.txById({ tx: 1n })).header?.ts, "time never goes backwards");
    await admin.updateDatabaseV2({ database: "books", settings: { writeTxHeaderVersion: { value: 1 } } });
    assert.equal((await set(admin, "c")).version, 1);
    assert.equal(services.room.databases.acquire("books"), open);
    assert.equal((await admin.verifiableGet({ keyRequest: { key: utf8("b") }, proveSinceTx: 3n })).entry?.tx, 2n);
  });

  test("keeps the measures that it was made with", async () => {
    const change = (settings: Record<string, { value: number }>) =>
      admin.updateDatabaseV2({ database: "books", settings });
    const fixed: [string, string][] = [
      ["maxKeyLen", "max key length"],
      ["maxValueLen", "max value length"],
      ["maxTxEntries", "max number of entries per transaction"],
      ["fileSize", "file size"],
    ];
    for (const [setting, words] of fixed) {
      assert.deepEqual(
        await refusalOf(change({ [setting]: { value: 100 } })),
        illegal(`${words} can not be changed after database creation ('books')`),
      );
    }
    await change({ maxKeyLen: { value: 1024 } });
    assert.equal((await refusalOf(change({ maxConcurrency: { value: 0 } }))).code, Code.InvalidArgument);
  });

  test("is changed by those alone who administer it, and the server's own ones by nobody", async () => {
    await services.addUser("writer", { books: "write" });
    await services.addUser("owner", { books: "admin" });
    const [writer, owner] = [await services.session("writer", "books"), await services.session("owner", "books")];
    const forbidden = "loggedin user does not have permissions for this operation";
    const calls = (client: typeof admin, database: string): Promise<unknown>[] => [
      client.updateDatabaseV2({ database, settings: {} }),
      client.updateDatabase({ databaseName: database }),
      client.truncateDatabase({ database, retentionPeriod: BigInt(DAY_MS) }),
    ];
    for (const call of calls(writer, "books")) assert.deepEqual(await refusalOf(call), unknown(forbidden));
    for (const call of calls(owner, "defaultdb")) assert.deepEqual(await refusalOf(call), unknown(forbidden));
    for (const call of calls(admin, "nosuch")) assert.deepEqual(await refusalOf(call), NOT_FOUND);
    for (const call of calls(admin, "defaultdb")) assert.deepEqual(await refusalOf(call), RESERVED);
    await owner.updateDatabaseV2({ database: "books", settings: {} });
    for (const call of [writer.flushIndex({}), writer.compactIndex({})])
      assert.equal((await refusalOf(call)).text, "permission denied");
  });

  test("is changed by the older method as well, in which zero leaves a setting alone", async () => {
    await admin.updateDatabaseV2({ database: "books", settings: { excludeCommitTime: { value: true } } });
    await admin.updateDatabase({ databaseName: "books", primaryDatabase: "elsewhere" });
    const { settings } = await admin.getDatabaseSettingsV2({});
    assert.equal(settings?.replicationSettings?.primaryDatabase?.value, "elsewhere");
    assert.equal(settings?.excludeCommitTime?.value, true);
    assert.equal(settings?.maxKeyLen?.value, 1024);
  });

  test("is changed while it is unloaded, and served so when it is loaded", async () => {
    await admin.unloadDatabase({ database: "books" });
    await admin.updateDatabaseV2({ database: "books", settings: { writeTxHeaderVersion: { value: 0 } } });
    await admin.loadDatabase({ database: "books" });
    assert.equal((await set(admin, "a")).version, 0);
  });

  test("loses old values, and no younger ones, when it is told to", async () => {
    await set(admin, "old");
    const truncate = () => admin.truncateDatabase({ database: "Books", retentionPeriod: BigInt(DAY_MS) });
    const short = "invalid retention period for database 'books'. RetentionPeriod should at least '24h0m0s' hours";
    for (const retentionPeriod of [1n, 0n, -1n, BigInt(DAY_MS) - 1n])
      assert.deepEqual(await refusalOf(admin.truncateDatabase({ database: "books", retentionPeriod })), illegal(short));
    assert.deepEqual(await refusalOf(truncate()), unknown("retention period has not been reached"));
    const far = { database: "books", retentionPeriod: 2n ** 63n - 1n };
    assert.deepEqual(await refusalOf(admin.truncateDatabase(far)), unknown("retention period has not been reached"));
    services.clock.ms += 2 * DAY_MS;
    admin = await services.session("immudb", "books");
    await set(admin, "young");
    assert.equal((await truncate()).database, "Books");
    await truncate();
    assert.deepEqual(await refusalOf(admin.get({ key: utf8("old") })), unknown("value has been truncated"));
    await admin.get({ key: utf8("young") });
    assert.equal((await admin.verifiableTxById({ tx: 1n })).tx?.header?.id, 1n);
  });

  test("never loses values whose age nobody knows", async () => {
    await admin.updateDatabaseV2({ database: "books", settings: { excludeCommitTime: { value: true } } });
    await set(admin, "a");
    await admin.updateDatabaseV2({ database: "books", settings: { excludeCommitTime: { value: false } } });
    services.clock.ms += 2 * DAY_MS;
    admin = await services.session("immudb", "books");
    await set(admin, "b");
    const text =
      "illegal arguments: a retention period needs the time of transactions, which excludeCommitTime leaves out";
    const undated = { code: Code.InvalidArgument, text };
    assert.deepEqual(
      await refusalOf(admin.truncateDatabase({ database: "books", retentionPeriod: BigInt(DAY_MS) })),
      undated,
    );
    assert.deepEqual(await refusalOf(admin.updateDatabaseV2({ database: "books", settings: retain(1) })), undated);
  });

  test("that is given a retention period keeps values from then on where they are cheap to remove", async () => {
    await set(admin, "a");
    await admin.updateDatabaseV2({ database: "books", settings: retain(1) });
    await set(admin, "b");
    services.clock.ms += 2 * DAY_MS;
    admin = await services.session("immudb", "books");
    await set(admin, "c");
    await admin.truncateDatabase({ database: "books", retentionPeriod: BigInt(DAY_MS) });
    for (const key of ["a", "b"])
      assert.deepEqual(await refusalOf(admin.get({ key: utf8(key) })), unknown("value has been truncated"));
    await admin.updateDatabaseV2({ database: "books", settings: retain(0) });
    await set(admin, "d");
    await admin.get({ key: utf8("c") });
    await admin.unloadDatabase({ database: "books" });
    await admin.loadDatabase({ database: "books" });
    await admin.get({ key: utf8("c") });
    await admin.get({ key: utf8("d") });
  });

  test("has its index flushed, and written anew when that is worth it", async () => {
    const early = unknown("tbtree: compaction threshold not yet reached");
    assert.deepEqual(await refusalOf(admin.compactIndex({})), early);
    for (const key of ["a", "b"]) {
      await set(admin, key);
      assert.equal((await admin.flushIndex({ cleanupPercentage: 100, synced: true })).database, "books");
    }
    await admin.compactIndex({});
    assert.deepEqual(await refusalOf(admin.compactIndex({})), early);
    await admin.get({ key: utf8("a") });
    for (const cleanupPercentage of [200, -1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.deepEqual(
        await refusalOf(admin.flushIndex({ cleanupPercentage })),
        unknown("tbtree: illegal arguments: invalid cleanupPercentage"),
      );
  });
});
