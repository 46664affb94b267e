// immuadmin against a real server, command by command: what it prints, what scripts read, and how it ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { immuadmin } from "../support/immuadmin.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let root: string;
let server: TestServer;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "immuadmin-e2e-"));
  server = await startTestServer({ "metrics-server-port": "0" });
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

/** Runs with a new password in the variable that is for it. */
async function withNewPassword<T>(password: string, work: () => Promise<T>): Promise<T> {
  process.env["IMMUADMIN_NEW_PASSWORD"] = password;
  try {
    return await work();
  } finally {
    delete process.env["IMMUADMIN_NEW_PASSWORD"];
  }
}

/** Whether somebody can log in; his login is forgotten at once. */
async function canLogIn(user: string, password: string): Promise<boolean> {
  const [file, tokenfile] = [join(root, "somebody"), join(root, `${user}.json`)];
  await writeFile(file, `${password}\n`);
  const { exit, stderr } = await immuadmin("--tokenfile", tokenfile, "--password-file", file, "login", user);
  await rm(tokenfile, { force: true });
  if (exit !== 0) assert.match(stderr, /invalid user name or password|user is not active/);
  return exit === 0;
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
    assert.equal((await immuadmin("--output", "table", "d", "l")).stdout, (await immuadmin("d", "l")).stdout);
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

describe("immuadmin user", () => {
  test("makes users, with a password from a variable or a file, never an option", async () => {
    await withNewPassword("Passw0rd!a", async () => {
      await says("user create ada readwrite books", "Created user ada\n");
      await refuses("user create ada read books", 1, /user already exists/);
      await refuses("user create bob owner books", 2, /Permission owner not recognized/);
      await refuses("user create bob sysadmin books", 1, /system admin/);
      await refuses("user create bob read nowhere", 3, /nowhere does not exist/);
      await refuses("user create bob read", 2, /database name can not be empty when there are multiple databases/);
    });
    await refuses("user create bob read books", 2, /use --new-password-stdin, --new-password-file FILE or/);
    await refuses("user create bob read books --new-password secret", 2, /unknown option/);
    const file = join(root, "new-password");
    await writeFile(file, "Passw0rd!b\n");
    await says(`user create bob read books --new-password-file ${file}`, "Created user bob\n");
    assert.ok(await canLogIn("ada", "Passw0rd!a"));
    assert.ok(await canLogIn("bob", "Passw0rd!b"));
  });

  test("gives and takes permissions, and lists users as a table", async () => {
    await says("user permission grant ada admin defaultdb", "Permission changed successfully\n");
    await says("user permission revoke bob read books", "Permission changed successfully\n");
    await refuses("user permission take ada admin defaultdb", 2, /Allowed choices are grant, revoke/);
    await says(
      "user list",
      /^3 user\(s\)\n.*\n# {2}User {4}Active {2}Database {3}Permission {4}Created By {2}Created At\n.*\n1 {2}ada {5}true {4}books {6}Read\/Write {4}immudb .*\n {19}defaultdb {2}Admin\n2 {2}bob {5}true {4}- {10}- {13}immudb .*\n3 {2}immudb {2}true {4}\* {10}System Admin {2}.*\n/,
    );
    const { users } = (await json("user list")) as { users: Record<string, unknown>[] };
    const ada = users.find(({ name }) => name === "ada");
    assert.deepEqual(ada?.["permissions"], { books: "readwrite", defaultdb: "admin" });
  });

  test("locks users out and lets them in again", async () => {
    await says("user deactivate ada", "User status changed successfully\n");
    assert.ok(!(await canLogIn("ada", "Passw0rd!a")));
    await says("user activate ada", "User status changed successfully\n");
    assert.ok(await canLogIn("ada", "Passw0rd!a"));
    await refuses("user deactivate nobody", 3, /user nobody not found/);
    await refuses("user deactivate immudb", 1, /changing your own status is not allowed/);
  });

  test("changes passwords; one's own with the old one, after which one is still logged in", async () => {
    await withNewPassword("Passw0rd!c", async () => {
      await says("user changepassword ada", "ada's password has been changed\n");
      assert.ok(await canLogIn("ada", "Passw0rd!c"));
      process.env["IMMUADMIN_PASSWORD"] = "wrong";
      await refuses("user changepassword immudb", 4, /old password is incorrect/);
      process.env["IMMUADMIN_PASSWORD"] = server.password;
      await says("user changepassword immudb", "immudb's password has been changed\n");
    });
    await says("user list", /^3 user/);
    process.env["IMMUADMIN_PASSWORD"] = "Passw0rd!c";
    await withNewPassword(server.password, () => says("user changepassword immudb", /has been changed/));
    process.env["IMMUADMIN_PASSWORD"] = server.password;
  });
});

describe("immuadmin login", () => {
  const WARNING =
    "warning: SECURITY WARNING: immudb user has the default password: please change it to ensure proper security";

  test("remembers the login for what follows, until the logout", async () => {
    delete process.env["IMMUADMIN_USERNAME"];
    await immuadmin("logout");
    await refuses("user list", 4, /not logged in\n next: run: immuadmin login/);
    const { exit, stdout, stderr } = await immuadmin("login");
    const next = "; run: immuadmin user changepassword immudb\n";
    assert.deepEqual({ exit, stdout, stderr }, { exit: 0, stdout: "logged in\n", stderr: WARNING + next });
    await says("user list", /^3 user/);
    await says("logout", "logged out\n");
    await refuses("logout", 1, /not logged in/);
    await refuses("user list", 4, /not logged in/);
    await refuses("login nobody", 4, /invalid user name or password/);
  });

  test("puts another password in the place of the default one, and goes on with that", async () => {
    const changed = await withNewPassword("Passw0rd!d", () => immuadmin("--output", "json", "login", "immudb"));
    assert.deepEqual(JSON.parse(changed.stdout), { user: "immudb", loggedIn: true, passwordChanged: true });
    await says("user list", /^3 user/);
    assert.ok(!(await canLogIn("immudb", server.password)));
    process.env["IMMUADMIN_PASSWORD"] = "Passw0rd!d";
    await says("login immudb", "logged in\n");
    await withNewPassword(server.password, () => says("user changepassword immudb", /has been changed/));
    process.env["IMMUADMIN_PASSWORD"] = server.password;
  });

  test("reads a password from stdin, but not two", async () => {
    const env = { ...process.env, IMMUADMIN_PASSWORD: undefined, NODE_COMPILE_CACHE: join(root, "compiled") };
    const program = fileURLToPath(new URL("../../src/cli/immuadmin.ts", import.meta.url));
    const child = spawn(process.execPath, [program, "login", "--password-stdin"], { env });
    child.stdin.end(`${server.password}\n`);
    assert.equal(await text(child.stdout), "logged in\n");
    const both = "user changepassword immudb --password-stdin --new-password-stdin";
    delete process.env["IMMUADMIN_PASSWORD"];
    await refuses(both, 2, /stdin cannot hold both the password and the new one/);
    process.env["IMMUADMIN_PASSWORD"] = server.password;
  });
});

test("immuadmin status and version need no login", async () => {
  await says(
    "status",
    /^Status: {8}OK - server is reachable and responding to queries\nVersion: {7}1\.11\.1\nUp time: {7}\d\d \w{3} \d\d \d\d:\d\d UTC \(up (\d+m)?\d+s\)\nDatabases: {5}\d+ \([\d.]+ \w+\)\nTransactions: {2}\d+\n$/,
  );
  const { upSeconds, startedAt, ...rest } = (await json("p")) as Record<string, string>;
  assert.equal(typeof upSeconds, "number");
  assert.ok(Math.abs(Date.now() - Date.parse(String(startedAt))) < 600_000);
  assert.deepEqual(Object.keys(rest), ["status", "version", "databases", "diskSizeBytes", "transactions"]);
  await says("version", /^immuadmin \S+\n {2}compatible with {3}immudb 1\.11\.1\n/);
  await refuses("--immudb-port 1 status", 1, /no immudb server answers at 127\.0\.0\.1:1/);
});

test("immuadmin stats tells the metrics as lines, as JSON and raw", async () => {
  const port = new URL(server.metricsUrl ?? "").port;
  process.env["IMMUADMIN_METRICS_PORT"] = port;
  await says(
    "stats",
    /^Uptime {21}: (\d+m)?\d+s\n.*^Database {19}: books\n {2}Transactions {13}: 0$.*^ {2}Login +: \d+ µs \(\d+\)$/ms,
  );
  const shown = (await json("stats")) as Record<"databases" | "clients" | "methods", Record<string, unknown>[]>;
  assert.deepEqual(shown.databases.map(({ name }) => name).sort(), ["books", "defaultdb", "systemdb"]);
  assert.equal(shown.clients[0]?.["address"], "127.0.0.1");
  const listing = shown.methods.find(({ method }) => method === "DatabaseListV2");
  assert.ok(Number(listing?.["calls"]) > 0 && Number(listing?.["averageMicroseconds"]) > 0);
  await says("stats --raw", /^immudb_db_size_bytes\{db="books"\} \d+$/m);
  await refuses("stats --metrics-port 1", 1, /no metrics from 127\.0\.0\.1:1: .*--metrics-server-port/);
});
