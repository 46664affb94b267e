// immuclient as a script meets it: another process, its two streams and its exit code, against a server in this process that
// can be told to lie.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { FakeServer } from "../../support/fake-server.ts";
import { type Ended, type RunOptions, Shell } from "../../support/immuclient.ts";
import { Ledger, newSigningKey } from "../../support/ledger.ts";

let root: string;
let shell: Shell;
let fresh = 0;
let server: FakeServer;
let listening: Awaited<ReturnType<FakeServer["listen"]>>;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "immuclient-"));
  server = new FakeServer(new Ledger());
  listening = await server.listen();
});
after(async () => {
  listening.close();
  await rm(root, { recursive: true, force: true });
});

/** Every test has a home of its own and finds one transaction: k1 = v1. */
beforeEach(() => {
  shell = newShell(`home-${fresh++}`);
  server.ledger = new Ledger();
  server.ledger.set(utf8("k1"), utf8("v1"));
  server.tamper = {};
  server.uuid = "c0000000000000000001";
});

function newShell(name: string): Shell {
  return new Shell(join(root, name), {
    IMMUCLIENT_IMMUDB_PORT: String(listening.port),
    NODE_COMPILE_CACHE: join(root, "compiled"),
  });
}

const immuclient = (args: readonly string[], options?: RunOptions): Promise<Ended> => shell.run(args, options);

const logIn = (): Promise<Ended> => immuclient(["login", "immudb", "--password-stdin"], { input: "secret\n" });

/** The same without a process: the login of an earlier one, copied. */
async function beLoggedIn(): Promise<void> {
  const template = join(root, "logged-in");
  if (!existsSync(template)) {
    const own = shell;
    shell = newShell("logged-in");
    await logIn();
    shell = own;
  }
  await cp(template, shell.home, { recursive: true });
}

describe("login", () => {
  test("remembers the login in a file of its owner only, per server", async () => {
    assert.deepEqual(await logIn(), { exit: 0, stdout: "Successfully logged in\n", stderr: "" });
    const files = await shell.files();
    assert.equal(files.length, 1);
    assert.equal((await stat(files[0] as string)).mode & 0o777, 0o600);
    assert.ok(!(await readFile(files[0] as string, "utf8")).includes("secret"));
    assert.equal((await immuclient(["get", "k1"])).exit, 0);
  });

  test("takes the password from a file, a variable, stdin or an argument, the last with a warning", async () => {
    const file = join(root, "password");
    await writeFile(file, "secret\n");
    assert.equal((await immuclient(["login", "immudb", "--password-file", file])).exit, 0);
    assert.equal((await immuclient(["login", "immudb"], { env: { IMMUCLIENT_PASSWORD: "secret" } })).stderr, "");
    assert.equal(
      (await immuclient(["login", "immudb"], { env: { IMMUCLIENT_PASSWORD: `enc:${btoa("secret")}` } })).exit,
      0,
    );
    const { exit, stderr } = await immuclient(["login", "immudb", "--password", "secret"]);
    assert.equal(exit, 0);
    assert.match(stderr, /^warning: --password shows in process lists/);
  });

  test("without any password and without a terminal says how to give one", async () => {
    const { exit, stderr } = await immuclient(["login", "immudb"]);
    assert.equal(exit, 2);
    assert.match(stderr, /next: use --password-stdin, --password-file FILE or the variable IMMUCLIENT_PASSWORD/);
  });

  test("with a wrong password ends with 4 and remembers nothing", async () => {
    const { exit, stdout, stderr } = await immuclient(["login", "immudb", "--password-stdin"], { input: "wrong" });
    assert.deepEqual(
      { exit, stdout, stderr },
      { exit: 4, stdout: "", stderr: "error: invalid user name or password\n" },
    );
    assert.equal((await immuclient(["get", "k1"])).exit, 4);
  });

  test("is needed for data, and a call without it says so", async () => {
    const { exit, stdout, stderr } = await immuclient(["get", "k1"]);
    assert.deepEqual(
      { exit, stdout, stderr },
      { exit: 4, stdout: "", stderr: "error: not logged in\n next: run: immuclient login USER\n" },
    );
  });

  test("happens by itself when a user is named", async () => {
    const env = { IMMUCLIENT_USERNAME: "immudb", IMMUCLIENT_PASSWORD: "secret" };
    assert.match((await immuclient(["safeget", "k1"], { env })).stdout, /value: {4}v1/);
    assert.equal((await immuclient(["get", "k1"])).exit, 0, "and is remembered");
  });

  test("of another user than the one that is named is not used", async () => {
    await beLoggedIn();
    const other = { IMMUCLIENT_USERNAME: "somebody" };
    assert.equal((await immuclient(["get", "k1"], { env: { IMMUCLIENT_USERNAME: "immudb" } })).exit, 0);
    assert.match((await immuclient(["get", "k1"], { env: other })).stderr, /no password was given/);
    const wrong = await immuclient(["get", "k1"], { env: { ...other, IMMUCLIENT_PASSWORD: "wrong" } });
    assert.deepEqual([wrong.exit, wrong.stdout], [4, ""]);
    assert.equal((await immuclient(["get", "k1"])).exit, 0, "and stays");
  });

  test("ends with logout; a second logout is no error", async () => {
    await logIn();
    assert.deepEqual(await immuclient(["logout"]), { exit: 0, stdout: "Successfully logged out\n", stderr: "" });
    assert.equal((await immuclient(["get", "k1"])).exit, 4);
    assert.deepEqual(await immuclient(["logout"]), { exit: 0, stdout: "User not logged in\n", stderr: "" });
  });

  test("is never sent to another server", async () => {
    await beLoggedIn();
    const other = new FakeServer(server.ledger);
    const elsewhere = await other.listen();
    try {
      assert.equal((await immuclient(["get", "k1", "-p", String(elsewhere.port)])).exit, 4);
    } finally {
      elsewhere.close();
    }
  });
});

describe("use", () => {
  test("chooses the database for the commands that follow; --database for one command only", async () => {
    await beLoggedIn();
    assert.equal((await immuclient(["use", "Other"])).stdout, "Now using other\n");
    server.ledger = new Ledger({ database: "other" });
    server.ledger.set(utf8("k1"), utf8("elsewhere"));
    assert.match((await immuclient(["safeget", "k1"])).stdout, /elsewhere/);
    server.ledger = new Ledger({ database: "third" });
    server.ledger.set(utf8("k1"), utf8("thrice"));
    assert.match((await immuclient(["--database", "third", "safeget", "k1"])).stdout, /thrice/);
    const state = (await shell.files()).filter((file) => file.endsWith(".state.json"));
    assert.deepEqual(state.map((file) => file.split("/").at(-1)).sort(), ["other.state.json", "third.state.json"]);
    const [login] = (await shell.files()).filter((file) => file.includes("logins"));
    assert.match(await readFile(login as string, "utf8"), /"database":"other"/);
  });
});

describe("entries", () => {
  beforeEach(beLoggedIn);

  test("are printed as a block", async () => {
    assert.equal(
      (await immuclient(["set", "k2", "v2"])).stdout,
      "tx:       2\nrev:      1\nkey:      k2\nvalue:    v2\n",
    );
    assert.equal(
      (await immuclient(["safeset", "k2", "v3"])).stdout,
      "tx:       3\nrev:      2\nkey:      k2\nvalue:    v3\nverified: true\n",
    );
    assert.equal((await immuclient(["get", "k2"])).stdout, "tx:       3\nrev:      2\nkey:      k2\nvalue:    v3\n");
    assert.equal(
      (await immuclient(["sg", "k2"])).stdout,
      "tx:       3\nrev:      2\nkey:      k2\nvalue:    v3\nverified: true\n",
    );
  });

  test("show their metadata", async () => {
    server.ledger.set(utf8("k3"), utf8("v"), { deleted: false, expiresAt: 4_102_444_800n, nonIndexable: false });
    assert.match((await immuclient(["get", "k3"])).stdout, /^metadata: \{expiresAt:4102444800\}$/m);
  });

  test("give their value alone with --value-only, byte for byte", async () => {
    server.ledger.set(utf8("raw"), Uint8Array.of(0x61, 0x1b, 0x5b, 0x0a));
    assert.equal((await immuclient(["--value-only", "get", "raw"])).stdout, "a\u001b[\n\n");
    assert.equal((await immuclient(["safeget", "k1"], { env: { IMMUCLIENT_VALUE_ONLY: "true" } })).stdout, "v1\n");
    assert.notEqual((await immuclient(["safeget", "k1"], { env: { IMMUCLIENT_VALUE_ONLY: "false" } })).stdout, "v1\n");
  });

  test("are one line of JSON with --output json", async () => {
    const { stdout } = await immuclient(["--output", "json", "safeget", "k1"]);
    assert.equal(stdout.split("\n").length, 2);
    const { proof, ...entry } = JSON.parse(stdout);
    assert.deepEqual(entry, {
      tx: "1",
      revision: "1",
      key: { text: "k1", base64: "azE=" },
      value: { text: "v1", base64: "djE=" },
      verified: true,
    });
    assert.equal(proof.state.txId, "1");
    assert.match(proof.state.txHash, /^[0-9a-f]{64}$/);
    assert.ok(proof.checks.includes("entries_inclusion"));
    const plain = JSON.parse((await immuclient(["get", "k1", "--output", "json"])).stdout);
    assert.equal(plain.verified, false);
    assert.equal(plain.proof, undefined);
  });

  test("take a value from stdin when none is given", async () => {
    await immuclient(["set", "long"], { input: "line 1\nline 2\n" });
    assert.equal((await immuclient(["--value-only", "get", "long"])).stdout, "line 1\nline 2\n\n");
  });

  test("that do not exist end with 3", async () => {
    for (const command of ["get", "safeget"]) {
      const { exit, stdout, stderr } = await immuclient([command, "nobody"]);
      assert.deepEqual({ exit, stdout, stderr }, { exit: 3, stdout: "", stderr: "error: tbtree: key not found\n" });
    }
    const { exit, stderr } = await immuclient(["--output", "json", "get", "nobody"]);
    assert.equal(exit, 3);
    assert.deepEqual(JSON.parse(stderr), { error: { code: "not_found", message: "tbtree: key not found" } });
  });

  test("with a revision that is no number end with 2 and say what to do", async () => {
    const { exit, stderr } = await immuclient(["get", "a@b"]);
    assert.equal(exit, 2);
    assert.match(stderr, /'b' is not a revision number\n next: .*--revision-separator ""/);
    assert.equal((await immuclient(["--revision-separator", "", "get", "a@b"])).exit, 3);
  });
});

describe("a lying server", () => {
  beforeEach(beLoggedIn);

  test("ends a command with 5 and the name of the check, on stderr alone", async () => {
    await immuclient(["safeget", "k1"]);
    server.tamper.verifiableGet = ({ entry }) => {
      if (entry) entry.value = utf8("falsified");
    };
    const { exit, stdout, stderr } = await immuclient(["safeget", "k1"]);
    assert.equal(exit, 5);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^error: verification failed for database 'defaultdb' of 127\.0\.0\.1:\d+: .*check entries_inclusion; trusted transaction 1/,
    );
    assert.match(stderr, /^ next: /m);
    const json = await immuclient(["--output", "json", "safeget", "k1"]);
    const { code, next, details } = JSON.parse(json.stderr).error;
    assert.equal(code, "entries_inclusion");
    assert.match(next, /do not rely on this answer/);
    assert.equal(details.database, "defaultdb");
    assert.equal(details.trusted.txId, "1");
    assert.match(details.offered.txHash, /^[0-9a-f]{64}$/);
  });

  test("that forgot what it had shown, or is another server, is refused, and how to start anew works", async () => {
    await immuclient(["safeset", "k2", "v2"]);
    server.ledger = server.ledger.fork(1n);
    const rolledBack = await immuclient(["safeget", "k1"]);
    assert.equal(rolledBack.exit, 5);
    assert.match(rolledBack.stderr, /check state_rolled_back; trusted transaction 2 .* offered transaction 1 /);
    server.uuid = "c0000000000000000002";
    const other = await immuclient(["safeget", "k1"]);
    assert.equal(other.exit, 5);
    const folder = /remove the folder (\S+),/.exec(other.stderr)?.[1];
    assert.ok(folder);
    await rm(folder, { recursive: true });
    assert.equal((await immuclient(["safeget", "k1"])).exit, 0);
  });

  test("is believed by get, which checks nothing and does not say verified", async () => {
    await immuclient(["safeset", "k2", "v2"]);
    server.ledger = server.ledger.fork(1n);
    const { exit, stdout } = await immuclient(["get", "k1"]);
    assert.equal(exit, 0);
    assert.ok(!stdout.includes("verified"));
  });

  test("is held to its signing key when one is given", async () => {
    const file = join(root, "server.pub");
    await writeFile(file, newSigningKey().publicKey);
    const { exit, stderr } = await immuclient(["safeget", "k1", "--server-signing-pub-key", file]);
    assert.equal(exit, 5);
    assert.match(stderr, /check signature_missing/);
    assert.equal((await immuclient(["safeget", "k1", "--server-signing-pub-key", "/nowhere"])).exit, 2);
  });
});

describe("current and health", () => {
  test("current shows the state that the server claims", async () => {
    await beLoggedIn();
    const { stdout } = await immuclient(["current"]);
    assert.match(
      stdout,
      /^database: +defaultdb\ntxID: +1\nhash: +[0-9a-f]{64}\nprecommittedTxID: +\d+\nprecommittedHash: /,
    );
    server.ledger = new Ledger();
    assert.equal((await immuclient(["current"])).stdout, "database 'defaultdb' is empty\n");
    assert.equal(JSON.parse((await immuclient(["--output", "json", "current"])).stdout).txId, "0");
  });

  test("health needs no login", async () => {
    const { exit, stdout } = await immuclient(["health"]);
    assert.equal(exit, 0);
    assert.match(stdout, /^status: +OK\nversion: +1\.11\.1\n/);
  });
});

describe("usage", () => {
  for (const args of [
    ["gett", "k"],
    ["get"],
    ["set"],
    ["get", "k", "more"],
    ["--output", "xml", "get", "k"],
    ["-p", "70000", "health"],
    ["--wat"],
    [],
  ]) {
    test(`'${args.join(" ")}' ends with 2 and says so on stderr`, async () => {
      const { exit, stdout, stderr } = await immuclient(args);
      assert.equal(exit, 2);
      assert.equal(stdout, "");
      assert.notEqual(stderr, "");
    });
  }

  test("help goes to stdout with examples and exit codes, and ends with 0", async () => {
    const { exit, stdout, stderr } = await immuclient(["--help"]);
    assert.equal(exit, 0);
    assert.equal(stderr, "");
    for (const words of ["Examples:", "Exit codes:", "safeget|sg", "IMMUCLIENT_PASSWORD"])
      assert.ok(stdout.includes(words), words);
  });

  test("no server at the address ends with 1 and says what to do", async () => {
    const { exit, stderr } = await immuclient(["get", "k1", "-p", "1"]);
    assert.equal(exit, 1);
    assert.match(stderr, /no immudb server answers at 127\.0\.0\.1:\d+ .*\n next: start one there, or name another/);
  });
});
