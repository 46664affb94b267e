// immuadmin migrate, as a person runs it, from one real server into a directory and into another server.

import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { PermissionAction } from "../../gen/immudb/schema/user_pb.ts";
import { toHex, utf8, utf8ToString } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/observe.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { credentialHeaders } from "../../src/client/credentials.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import { readConfig } from "../../src/server/config.ts";
import { startServer } from "../../src/server/main.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immuadmin.ts", import.meta.url));
const TRANSACTIONS = 150;

interface Answer {
  readonly databases: readonly { name: string; txId: string; alh: string; copied: string; behind: boolean }[];
  readonly skipped: readonly string[];
  readonly users: readonly {
    name: string;
    active: boolean;
    permissions: object;
    needsPassword: boolean;
    broughtOver: boolean;
    lacks: readonly string[];
  }[];
}

let root: string;
let source: TestServer;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "migrate-"));
  source = await startTestServer();
  await fill();
});
after(async () => {
  await source[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

interface Access {
  readonly client: ImmuClient;
  readonly rpc: Client<typeof ImmuService>;
  headers(): { headers: Record<string, string> };
}

/** Runs something as somebody at a server. */
async function at<T>(
  address: string,
  database: string,
  run: (access: Access) => Promise<T>,
  as = "immudb",
): Promise<T> {
  const transport = createNodeTransport(address);
  try {
    const client = new ImmuClient(transport, { address });
    await client.openSession(as, as === "immudb" ? "immudb" : "Passw0rd!x", database);
    const rpc = createClient(ImmuService, transport);
    return await run({ client, rpc, headers: () => ({ headers: credentialHeaders(client.credentials) }) });
  } finally {
    transport.close();
  }
}

function addressOf({ host, port }: TestServer): string {
  return `${host}:${port}`;
}

/** Two databases, one that is not loaded, two users, and one of the database that is not loaded. */
function fill(): Promise<void> {
  return at(addressOf(source), "defaultdb", async ({ client, rpc, headers }) => {
    await rpc.createDatabaseV2({ name: "books", settings: { maxKeyLen: { value: 100 } } }, headers());
    await rpc.createDatabaseV2({ name: "asleep" }, headers());
    const sleeper = { user: utf8("carol"), password: utf8("Passw0rd!x"), database: "asleep", permission: 1 };
    await rpc.createUser(sleeper, headers());
    await rpc.unloadDatabase({ database: "asleep" }, headers());
    for (let i = 0; i < 5; i++) await client.set(`d${i}`, `default ${i}`);
    await client.useDatabase("books");
    await Promise.all(Array.from({ length: TRANSACTIONS }, (_, i) => client.set(`b${i}`, `book ${i}`)));
    const user = { password: utf8("Passw0rd!x"), database: "books" };
    await rpc.createUser({ ...user, user: utf8("alice"), permission: 2 }, headers());
    const grant = { action: PermissionAction.GRANT, username: "alice", database: "defaultdb", permission: 1 };
    await rpc.changePermission(grant, headers());
    const fewer = { action: PermissionAction.REVOKE, username: "alice", database: "books", privileges: ["DROP"] };
    await rpc.changeSQLPrivileges(fewer, headers());
    await rpc.createUser({ ...user, user: utf8("bob"), permission: 254 }, headers());
    await rpc.setActiveUser({ active: false, username: "bob" }, headers());
  });
}

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function migrate(...args: readonly string[]): Promise<Ended> {
  return ended(begin(...args));
}

function begin(...args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  const all = [
    PROGRAM,
    "-p",
    String(source.port),
    "--username",
    "immudb",
    "--password-stdin",
    "--output",
    "json",
    ...args,
  ];
  const child = spawn(process.execPath, all, {
    env: {
      PATH: process.env["PATH"],
      HOME: root,
      XDG_STATE_HOME: root,
      IMMUADMIN_TO_PASSWORD: "immudb",
      NODE_COMPILE_CACHE: join(root, "compiled"),
    },
  });
  child.stdin.end("immudb");
  return child;
}

async function ended(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<Ended> {
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { exit, stdout, stderr };
}

/** A server of a directory. */
function started(directory: string): ReturnType<typeof startServer> {
  const given = new Map(Object.entries({ address: "127.0.0.1", port: "0", dir: directory }));
  return startServer(readConfig(given, {}).config, { logger: silentLogger });
}

/** What a server has of a database. */
async function stateOf(address: string, database: string): Promise<string> {
  const { txId, txHash } = await at(address, database, ({ client }) => client.currentState());
  return `${txId} ${toHex(txHash)}`;
}

async function requireMigrated(address: string): Promise<void> {
  for (const database of ["defaultdb", "books"]) {
    assert.equal(await stateOf(address, database), await stateOf(addressOf(source), database));
  }
  await at(address, "books", async ({ client, rpc, headers }) => {
    assert.equal(utf8ToString((await client.get("b7")).value), "book 7");
    const { settings } = await rpc.getDatabaseSettingsV2({}, headers());
    assert.equal(settings?.maxKeyLen?.value, 100);
    assert.equal(settings?.replicationSettings?.replica?.value, false);
    const { users } = await rpc.listUsers({}, headers());
    const alice = users.find(({ user }) => utf8ToString(user) === "alice");
    assert.deepEqual(alice?.permissions.map(({ database, permission }) => [database, permission]).sort(), [
      ["books", 2],
      ["defaultdb", 1],
    ]);
    const privileges = alice?.sqlPrivileges.flatMap((has) => (has.database === "books" ? has.privilege : [])) ?? [];
    assert.ok(privileges.includes("SELECT") && !privileges.includes("DROP"));
    assert.equal(users.find(({ user }) => utf8ToString(user) === "bob")?.active, false);
    await assert.rejects(
      at(address, "books", async () => {}, "alice"),
      /invalid user name or password/,
    );
    await rpc.changePassword({ user: utf8("alice"), newPassword: utf8("Passw0rd!x") }, headers());
  });
  await at(address, "books", async ({ client }) => void (await client.set("new", "written here")), "alice");
}

describe("immuadmin migrate", () => {
  test("brings everything into a directory, names what needs somebody, and repeats without harm", async () => {
    const directory = join(root, "target");
    const first = await migrate("migrate", "--to-dir", directory);
    assert.equal(first.exit, 1, first.stderr);
    const answer = JSON.parse(first.stdout) as Answer;
    assert.deepEqual(
      answer.databases.map(({ name, txId, copied, behind }) => [name, txId, copied, behind]),
      [
        ["defaultdb", "5", "5", false],
        ["books", String(TRANSACTIONS), String(TRANSACTIONS), false],
      ],
    );
    assert.deepEqual(answer.skipped, ["asleep"]);
    const comes = { needsPassword: true, broughtOver: true, lacks: [] };
    const stays = { needsPassword: false, broughtOver: false, lacks: ["asleep"] };
    assert.deepEqual(answer.users, [
      { name: "alice", active: true, permissions: { books: "readwrite", defaultdb: "read" }, ...comes },
      { name: "bob", active: false, permissions: { books: "admin" }, ...comes },
      { name: "carol", active: true, permissions: { asleep: "read" }, ...stays },
    ]);
    const again = JSON.parse((await migrate("migrate", "--to-dir", directory)).stdout) as Answer;
    assert.deepEqual(
      again.databases.map(({ copied }) => copied),
      ["0", "0"],
    );
    assert.ok(again.users.every(({ needsPassword }) => !needsPassword));
    const server = await started(directory);
    try {
      const address = `127.0.0.1:${server.port}`;
      const busy = await migrate("migrate", "--to-dir", directory);
      assert.equal(busy.exit, 1);
      assert.match(busy.stderr, /in use by another process/);
      await requireMigrated(address);
    } finally {
      await server.close();
    }
    // What was written there is no part of the source: nothing is brought over any more, and that is said.
    const diverged = await migrate("migrate", "books", "--to-dir", directory);
    assert.equal(diverged.exit, 5);
    assert.match(diverged.stderr, /"code":"commit_diverged"/);
    const afterwards = await started(directory);
    await at(`127.0.0.1:${afterwards.port}`, "books", async ({ client }) => void (await client.set("still", "mine")));
    await afterwards.close();
  });

  test("brings everything into a running server", async () => {
    await using target = await startTestServer({ "replication-is-replica": "true" });
    const { exit, stdout, stderr } = await migrate("migrate", "--to", addressOf(target));
    assert.equal(exit, 1, stderr);
    const answer = JSON.parse(stdout) as Answer;
    assert.deepEqual(answer.skipped, ["asleep"]);
    assert.deepEqual(
      answer.users.map(({ name, broughtOver, lacks }) => [name, broughtOver, ...lacks]),
      [
        ["alice", true],
        ["bob", true],
        ["carol", false, "asleep"],
      ],
    );
    await requireMigrated(addressOf(target));
    const refused = await migrate("migrate", "books", "--to", addressOf(target));
    assert.match(refused.stderr, /"code":"commit_diverged"/);
    await at(addressOf(target), "books", async ({ client }) => void (await client.set("still", "mine")));
  });

  test("goes on where it was when one database is brought over while it grows", async () => {
    const directory = join(root, "growing");
    assert.equal((await migrate("migrate", "books", "--to-dir", directory)).exit, 0);
    await at(addressOf(source), "books", async ({ client }) => void (await client.set("late", "one more")));
    const { exit, stdout } = await migrate("migrate", "books", "--to-dir", directory);
    assert.equal(exit, 0);
    const [books] = (JSON.parse(stdout) as Answer).databases;
    assert.equal(books?.copied, "1");
  });

  test("goes on where it was killed", async () => {
    const directory = join(root, "killed");
    const child = begin("migrate", "books", "--to-dir", directory);
    const killed = ended(child);
    // The database is there as soon as the copying begins.
    const isThere = async () => (await readdir(directory).catch((): string[] => [])).includes("books");
    while (child.exitCode === null && !(await isThere())) await sleep(1);
    child.kill("SIGKILL");
    assert.equal((await killed).exit, null);
    const { exit, stdout, stderr } = await migrate("migrate", "books", "--to-dir", directory);
    assert.equal(exit, 0, stderr);
    const [books] = (JSON.parse(stdout) as Answer).databases;
    assert.equal(`${books?.txId} ${books?.alh}`, await stateOf(addressOf(source), "books"));
  });

  for (const [what, args, message] of [
    ["no target", ["migrate"], /where to/],
    ["two targets", ["migrate", "--to", "h:1", "--to-dir", "d"], /exclude each other/],
    ["a database that is not there", ["migrate", "nothing", "--to-dir", "unused"], /has no database nothing/],
  ] as const) {
    test(`refuses ${what} with exit code 2`, async () => {
      const { exit, stderr } = await migrate(...args.map((arg) => (arg === "unused" ? join(root, arg) : arg)));
      assert.equal(exit, 2);
      assert.match(stderr, message);
    });
  }

  test("names the target when that refuses a login or is not there, and says what to give", async () => {
    await using target = await startTestServer();
    const there = addressOf(target);
    const unreadable = await migrate("migrate", "--to", there, "--to-password-file", join(root, "none"));
    assert.equal(unreadable.exit, 2);
    const wrong = join(root, "wrong");
    await writeFile(wrong, "wrong");
    const refused = await migrate("migrate", "--to", there, "--to-password-file", wrong);
    assert.equal(refused.exit, 4);
    assert.ok(refused.stderr.includes(`${there}: invalid user name or password`), refused.stderr);
    assert.match(refused.stderr, /--to-password-file/);
    const absent = await migrate("migrate", "--to", "127.0.0.1:1");
    assert.equal(absent.exit, 1);
    assert.match(absent.stderr, /no immudb server answers at 127\.0\.0\.1:1 [\s\S]*--to HOST:PORT/);
    const inUse = await migrate("migrate", "--to-dir", target.directory);
    assert.equal(inUse.exit, 1);
    assert.match(inUse.stderr, /in use[\s\S]*stop what uses it/);
  });

  test("says that a default database must be a replica to take another's transactions", async () => {
    await using target = await startTestServer();
    const { exit, stderr } = await migrate("migrate", "--to", addressOf(target));
    assert.equal(exit, 2);
    assert.match(stderr, /--replication-is-replica/);
  });
});
