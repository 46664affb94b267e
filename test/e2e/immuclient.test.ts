// immuclient against the real server: the walk that the documentation shows, many at once, and servers that come back
// as they were or as another.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createDatabase } from "../support/create-database.ts";
import { Shell } from "../support/immuclient.ts";
import { newSigningKey } from "../support/ledger.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let root: string;
let fresh = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "immuclient-e2e-"));
});
after(() => rm(root, { recursive: true, force: true }));

/** A person at a terminal: a home of their own, and the server's port in the environment. */
function shellAt(port: number): Shell {
  const env = { IMMUCLIENT_IMMUDB_PORT: String(port), NODE_COMPILE_CACHE: join(root, "compiled") };
  return new Shell(join(root, `home-${fresh++}`), env);
}

async function loggedIn(server: TestServer): Promise<Shell> {
  const shell = shellAt(server.port);
  const { exit } = await shell.run(["login", server.user, "--password-stdin"], { input: server.password });
  assert.equal(exit, 0);
  return shell;
}

describe("with the real server", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server[Symbol.asyncDispose]());

  test("one logs in, writes, reads back with proof and logs out", async () => {
    const shell = shellAt(server.port);
    const says = async (args: string, stdout: string | RegExp, exit = 0, input = ""): Promise<void> => {
      const ended = await shell.run(args.split(" "), { input });
      assert.equal(ended.exit, exit, ended.stderr);
      if (typeof stdout === "string") assert.equal(ended.stdout, stdout);
      else assert.match(ended.stdout, stdout);
    };
    await says("health", /^status: +OK\nversion: +1\.11\.1\n$/);
    await says("safeget k", "", 4);
    await says("login immudb --password-stdin", "", 4, "wrong");
    await says("login immudb --password-stdin", "Successfully logged in\n", 0, "immudb");
    await says("current", "database 'defaultdb' is empty\n");
    await says("safeset k v1", "tx:       1\nrev:      1\nkey:      k\nvalue:    v1\nverified: true\n");
    await says("set k v2", "tx:       2\nrev:      2\nkey:      k\nvalue:    v2\n");
    await says("safeget k", "tx:       2\nrev:      2\nkey:      k\nvalue:    v2\nverified: true\n");
    await says("get k@1", "tx:       1\nrev:      1\nkey:      k\nvalue:    v1\n");
    await says("safeget k@-1", "tx:       1\nrev:      1\nkey:      k\nvalue:    v1\nverified: true\n");
    await says("get k@3", "", 3);
    await says("safeget nobody", "", 3);
    await says(
      "current",
      /^database: +defaultdb\ntxID: +2\nhash: +[0-9a-f]{64}\nprecommittedTxID: +2\nprecommittedHash: +[0-9a-f]{64}\n$/,
    );
    await says("use nowhere", "", 3);
    await says("logout", "Successfully logged out\n");
    await says("get k", "", 4);
  });

  test("each database has its own state and its own values", async () => {
    await createDatabase(server, "second");
    const shell = await loggedIn(server);
    const undecided = await shell.run(["safeget", "k"]);
    assert.equal(undecided.exit, 4);
    assert.match(undecided.stderr, /please select a database first\n next: run: immuclient use DATABASE/);
    assert.equal((await shell.run(["use", "second"])).stdout, "Now using second\n");
    assert.match((await shell.run(["safeset", "k", "second value"])).stdout, /^tx: +1$/m);
    assert.match((await shell.run(["--database", "defaultdb", "safeget", "k"])).stdout, /^value: +v2$/m);
    assert.match((await shell.run(["safeget", "k"])).stdout, /^value: +second value$/m);
  });

  test("many commands at once with one home all verify, and none overtakes another", async () => {
    const shell = await loggedIn(server);
    await shell.run(["use", "defaultdb"]);
    const ended = await Promise.all(
      Array.from({ length: 8 }, (_, n) => shell.run(["--output", "json", "safeset", `many-${n}`, `${n}`])),
    );
    for (const { exit, stderr } of ended) assert.equal(exit, 0, stderr);
    const txIds = ended.map(({ stdout }) => Number(JSON.parse(stdout).tx));
    const { stdout } = await shell.run(["--output", "json", "safeget", "many-0"]);
    assert.equal(JSON.parse(stdout).proof.state.txId, String(Math.max(...txIds)));
    assert.equal((await shell.files()).filter((file) => /\.lock\.|\.tmp$/.test(file)).length, 0);
  });

  test("a reader that stops early is no error", async () => {
    const shell = await loggedIn(server);
    await shell.run(["use", "defaultdb"]);
    await shell.run(["set", "long"], { input: "x".repeat(2_000_000) });
    const { exit, stderr } = await shell.run(["--value-only", "safeget", "long"], { readBytes: 10 });
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: "" });
  });

  test("a server that was restarted is the same one", async () => {
    const shell = await loggedIn(server);
    await shell.run(["use", "defaultdb"]);
    assert.equal((await shell.run(["safeset", "before", "restart"])).exit, 0);
    await server.restart();
    const again = await shell.run(["login", server.user, "--password-stdin"], { input: server.password });
    assert.equal(again.exit, 0);
    await shell.run(["use", "defaultdb"]);
    assert.match((await shell.run(["safeget", "before"])).stdout, /^verified: true$/m);
  });
});

test("another server at the same address is refused by name, and says how to trust it on purpose", async () => {
  const first = await startTestServer();
  const shell = await loggedIn(first);
  await shell.run(["safeset", "k", "v"]);
  await first[Symbol.asyncDispose]();
  await using second = await startTestServer({ port: String(first.port) });
  assert.equal(second.port, first.port);
  await shell.run(["login", second.user, "--password-stdin"], { input: second.password });
  const { exit, stderr } = await shell.run(["safeset", "k", "v"]);
  assert.equal(exit, 5);
  assert.match(stderr, /check server_identity; trusted transaction 1 /);
  await rm(/remove the folder (\S+),/.exec(stderr)?.[1] as string, { recursive: true });
  assert.equal((await shell.run(["safeset", "k", "v"])).exit, 0);
});

test("a signing server is held to its key", async () => {
  const key = newSigningKey();
  const files = { private: join(root, "server.key"), right: join(root, "server.pub"), wrong: join(root, "wrong.pub") };
  await writeFile(files.private, key.privateKey);
  await writeFile(files.right, key.publicKey);
  await writeFile(files.wrong, newSigningKey().publicKey);
  await using server = await startTestServer({ signingKey: files.private });
  const shell = await loggedIn(server);
  const safeset = (pub: string) =>
    shell.run(["safeset", "k", "v", "--server-signing-pub-key", pub, "--output", "json"]);
  const signed = await safeset(files.right);
  assert.equal(signed.exit, 0, signed.stderr);
  assert.equal(JSON.parse(signed.stdout).proof.checks.at(-1), "signature");
  const refused = await safeset(files.wrong);
  assert.equal(refused.exit, 5);
  assert.equal(JSON.parse(refused.stderr).error.code, "signature_invalid");
});
