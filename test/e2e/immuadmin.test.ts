// immuadmin against a real server, command by command: what it prints, what scripts read, and how it ends.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { immuadmin } from "../support/immuadmin.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let root: string;
let server: TestServer;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "immuadmin-e2e-"));
  server = await startTestServer();
  process.env["XDG_STATE_HOME"] = root;
  process.env["IMMUADMIN_IMMUDB_PORT"] = String(server.port);
  process.env["IMMUADMIN_USERNAME"] = server.user;
  process.env["IMMUADMIN_PASSWORD"] = server.password;
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** A command that succeeds: its words, and what it prints. */
async function says(command: string, expected: string | RegExp): Promise<void> {
  const { exit, stdout, stderr } = await immuadmin(...command.split(" "));
  assert.equal(exit, 0, stderr);
  assert.equal(stderr, "");
  if (typeof expected === "string") assert.equal(stdout, expected);
  else assert.match(stdout, expected);
}

/** A command that fails: its words, how it ends, and why. */
async function refuses(command: string, exit: number, why: RegExp): Promise<void> {
  const ended = await immuadmin(...command.split(" "));
  assert.deepEqual([ended.exit, ended.stdout], [exit, ""], ended.stderr);
  assert.match(ended.stderr, why);
}

/** The JSON of a command that succeeds. */
async function json(command: string): Promise<unknown> {
  const { exit, stdout, stderr } = await immuadmin("--output", "json", ...command.split(" "));
  assert.equal(exit, 0, stderr);
  return JSON.parse(stdout);
}

describe("immuadmin database", () => {
  test("makes databases with the settings that are named, and lists them as a table", async () => {
    await says("database create Books", "database 'Books' {replica: false} successfully created\n");
    await says(
      "database create small --autoload=false --max-key-len 100 --retention-period 48h",
      "database 'small' {replica: false, autoload: false, retention-period: 172800000, max-key-len: 100} successfully created\n",
    );
    await says(
      "database list",
      /^3 database\(s\)\n-(?: {2}-+){7}\n# {2}Database Name {2}Created At {2}Created By {2}Status {2}Is Replica {2}Disk Size {2}Transactions\n-(?: {2}-+){7}\n1 {2}defaultdb {6}\d{4}-\d\d-\d\d {2}\S+ +LOADED {2}FALSE {7}[\d.]+ k?B +0\n2 {2}books .*\n3 {2}small .*\n-(?: {2}-+){7}\n$/,
    );
    const { databases } = (await json("d l")) as { databases: Record<string, unknown>[] };
    const { createdAt, diskSizeBytes, ...books } = databases[1] as Record<string, string>;
    assert.deepEqual(books, { name: "books", createdBy: "immudb", loaded: true, replica: false, transactions: "0" });
    assert.match(String(createdAt), /^\d{4}-\d\d-\d\dT[\d:]+\.000Z$/);
    assert.match(String(diskSizeBytes), /^\d+$/);
  });

  test("refuses one that is there, unless that is all right, and a setting that makes no sense", async () => {
    await refuses("database create books", 1, /database already exists/);
    await says("database create books --if-not-exists", "database 'books' already exists, and stays as it is\n");
    await refuses("database create other --autoload perhaps", 2, /true or false/);
    await refuses("database create other --sync-frequency soon", 2, /a duration is written as/);
    await refuses("database create other --replication-primary-password secret", 2, /unknown option/);
  });

  test("changes settings and shows them", async () => {
    await refuses("database update books", 2, /no setting was named/);
    await says(
      "database update books --write-tx-header-version 0 --indexing-cleanup-percentage 12.5",
      "database 'books' {replica: false, indexing-cleanup-percentage: 12.5, write-tx-header-version: 0} successfully updated\n",
    );
    const shown = (await json("database settings books")) as { database: string; settings: Record<string, unknown> };
    assert.equal(shown.database, "books");
    assert.equal(shown.settings["writeTxHeaderVersion"], 0);
    assert.equal((shown.settings["indexSettings"] as Record<string, unknown>)["cleanupPercentage"], 12.5);
    await says("database settings small", /^\d+ +truncationSettings\.retentionPeriod +172800000$/m);
    await refuses("database settings nowhere", 3, /'nowhere' does not exist/);
    await refuses("database update books --max-key-len 10", 1, /can not be changed after database creation/);
  });

  test("unloads, loads and deletes, the latter only when told twice", async () => {
    await says("database unload small", "database 'small' successfully unloaded\n");
    await refuses("database unload small", 1, /already closed/);
    await says("database list", /^3 {2}small .* UNLOADED /m);
    await says("database load small", "database 'small' successfully loaded\n");
    await refuses("database load small", 1, /database already loaded/);
    await refuses("database delete small", 2, /required flag\(s\) "yes-i-know-what-i-am-doing" not set/);
    await refuses("database delete small --yes-i-know-what-i-am-doing", 1, /cannot delete an open database/);
    await says("database unload small", /unloaded/);
    await says("database delete small --yes-i-know-what-i-am-doing", "database 'small' successfully deleted\n");
    await refuses("database unload defaultdb", 1, /database is reserved/);
  });

  test("chooses a database for the commands that follow", async () => {
    await refuses("database use nowhere", 3, /'?nowhere'? does not exist/);
    await says("database use books", "now using database 'books'\n");
    assert.deepEqual(await json("database flush"), { database: "books", flushed: true });
    await refuses("database compact", 1, /compaction threshold not yet reached/);
    await says("database flush defaultdb --synced=false", "database index successfully flushed\n");
    await refuses("database flush books --cleanup-percentage 101", 2, /a number from 0 to 100/);
  });

  test("removes old values when told twice, never young ones", async () => {
    await refuses("database truncate books --retention-period 24h", 2, /required flag/);
    await refuses("database truncate books --yes-i-know-what-i-am-doing", 2, /"retention-period" not set/);
    const told = "database truncate books --yes-i-know-what-i-am-doing --retention-period";
    await refuses(`${told} 1h`, 1, /retention period.*24h0m0s|24h/);
    await refuses(`${told} 24h`, 1, /retention period has not been reached/);
  });
});
