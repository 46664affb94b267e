// Verification as an operator runs it: beside a server that is being written to, and on its data after it has stopped.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, cpSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import { newSigningKey } from "../support/ledger.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const PAGE = 8192;
const DAMAGED_VALUE = "the value that will be damaged";
const LOG = join("defaultdb", "log", "data.mdb");

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), "verify-e2e-"));
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  program: "immudb" | "immuadmin" | "immuclient",
  args: readonly string[],
  input = "",
): Promise<Ended> {
  const file = fileURLToPath(new URL(`../../src/cli/${program}.ts`, import.meta.url));
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: root, XDG_STATE_HOME: root, NODE_COMPILE_CACHE: join(root, "compiled") };
  const child = spawn(process.execPath, [file, ...args], { env });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exit, stdout, stderr };
}

const at = ({ port }: TestServer): readonly string[] => ["--immudb-port", String(port)];
const asAdmin = ({ user }: TestServer): readonly string[] => ["--username", user, "--password-stdin"];

function adminVerify(server: TestServer, ...args: readonly string[]): Promise<Ended> {
  return run("immuadmin", [...at(server), ...asAdmin(server), ...args, "verify", "defaultdb"], server.password);
}

async function connected<T>(server: TestServer, work: (client: ImmuClient) => Promise<T>): Promise<T> {
  const address = `${server.host}:${server.port}`;
  const transport = createNodeTransport(address);
  const client = new ImmuClient(transport, { address });
  try {
    await client.openSession(server.user, server.password);
    return await work(client);
  } finally {
    await client.close();
    transport.close();
  }
}

async function fill(server: TestServer, txs: number): Promise<void> {
  await connected(server, async (client) => {
    const writes = Array.from({ length: txs }, (_, i) =>
      client.set(`key ${i % 300}`, i === 40 ? DAMAGED_VALUE : "v".repeat(i % 500)),
    );
    await Promise.all(writes);
  });
}

/**
 * Changes a byte of the damaged value, and back when it is done again; or clears the whole page that it is on. Under whoever
 * has the file open.
 */
function damage(directory: string, how: "byte" | "page"): void {
  const file = join(directory, LOG);
  const bytes = readFileSync(file);
  const place = bytes.lastIndexOf(DAMAGED_VALUE.slice(1)) - 1;
  assert.ok(place > 0);
  const descriptor = openSync(file, "r+");
  if (how === "byte") writeSync(descriptor, Uint8Array.of((bytes[place] as number) ^ 1), 0, 1, place);
  else writeSync(descriptor, new Uint8Array(PAGE), 0, PAGE, place - (place % PAGE));
  closeSync(descriptor);
}

describe("beside a running server", () => {
  let server: TestServer;
  const key = newSigningKey();
  before(async () => {
    const file = join(root, "signing.pem");
    writeFileSync(file, key.privateKey);
    server = await startTestServer({ signingKey: file });
    await fill(server, 600);
  });
  after(() => server[Symbol.asyncDispose]());

  test("a database is found whole while it is written to, with what this client trusts in it", async () => {
    const trusted = await run(
      "immuclient",
      [...at(server), ...asAdmin(server), "safeset", "trusted", "1"],
      server.password,
    );
    assert.equal(trusted.exit, 0, trusted.stderr);
    let writing = true;
    const writes = connected(server, async (client) => {
      let written = 0;
      for (; writing; written++) await client.set(`key ${written % 300}`, `while it is verified: ${written}`);
      return written;
    });
    const { exit, stdout, stderr } = await adminVerify(server);
    writing = false;
    assert.ok((await writes) > 10);
    assert.equal(stderr, "");
    assert.equal(exit, 0, stdout);
    const transactions = Number(/whole up to transaction (\d+)/.exec(stdout)?.[1]);
    assert.ok(transactions > 600, stdout);
    assert.match(stdout, new RegExp(`${transactions} transactions, ${transactions} entries`));
    assert.match(stdout, /compared with {3}transaction 601, which this client trusts\n$/);
  });

  test("the state is signed, for who has the key", async () => {
    const [right, wrong] = ["right.pem", "wrong.pem"].map((name) => join(root, name)) as [string, string];
    writeFileSync(right, key.publicKey);
    writeFileSync(wrong, newSigningKey().publicKey);
    const signed = await adminVerify(server, "--output", "json", "--server-signing-pub-key", right);
    assert.equal(signed.exit, 0, signed.stderr);
    assert.partialDeepStrictEqual(JSON.parse(signed.stdout), { database: "defaultdb", whole: true, findings: [] });
    const other = await adminVerify(server, "--server-signing-pub-key", wrong);
    assert.deepEqual([other.exit, other.stdout], [5, ""]);
    assert.match(other.stderr, /signature_invalid/);
  });

  test("whoever is not logged in is told how to be", async () => {
    const stranger = ["--tokenfile", join(root, "nobody.json")];
    const { exit, stderr } = await run("immuadmin", [...at(server), ...stranger, "verify"]);
    assert.equal(exit, 4);
    assert.match(stderr, /not logged in\n next: run: immuadmin login; or name a user with --username/);
  });

  test("the data directory cannot be verified, and it is said how it can", async () => {
    const { exit, stderr } = await run("immudb", ["verify", "--dir", server.directory]);
    assert.equal(exit, 1);
    assert.match(
      stderr,
      /in use by another process[\s\S]*next: verify its databases while it runs, with immuadmin verify/,
    );
  });

  test("a byte that changes in a value is found and named, and the server goes on", async () => {
    damage(server.directory, "byte");
    const { exit, stdout } = await adminVerify(server);
    assert.equal(exit, 5);
    assert.match(stdout, /^defaultdb: DAMAGED: 1 finding,/);
    assert.match(
      stdout,
      /\n {2}value {11}transaction 41, key [0-9a-f]+ 'key 40': the value does not hash to what its entry says\n/,
    );
    await connected(server, (client) => client.set("after", "it"));
  });

  test("a page that ends whoever reads it ends neither the server nor the answer", async () => {
    damage(server.directory, "byte");
    damage(server.directory, "page");
    const { exit, stdout } = await adminVerify(server);
    assert.equal(exit, 5);
    assert.match(stdout, /\n {2}engine {10}the engine could not read a page: the process that read ended by SIG[A-Z]+/);
    await connected(server, (client) => client.set("after", "that"));
  });
});

describe("after the server has stopped", () => {
  test("its data is found whole, or what is damaged is named", async () => {
    const server = await startTestServer();
    const directory = join(root, "stopped");
    await fill(server, 500);
    await server.restart();
    cpSync(server.directory, directory, { recursive: true, filter: (path) => !/\.lock\./.test(path) });
    await server[Symbol.asyncDispose]();

    const whole = await run("immudb", ["verify", "--dir", directory]);
    assert.deepEqual([whole.exit, whole.stderr], [0, ""]);
    assert.match(whole.stdout, /^\(server\): whole.*\n[\s\S]*\ndefaultdb: whole up to transaction 500 /);
    const [, txId] = /transaction (\d+)/.exec(whole.stdout) as unknown as [string, string];

    const json = await run("immudb", ["verify", "--dir", directory, "--database", "DefaultDB", "--output", "json"]);
    const report = JSON.parse(json.stdout);
    assert.partialDeepStrictEqual(report, {
      whole: true,
      databases: [{ database: "defaultdb", txId, findingCount: 0 }],
    });

    const known = (hash: string) =>
      run("immudb", ["verify", "--dir", directory, "--database", "defaultdb", "--known-state", `${txId}:${hash}`]);
    assert.equal((await known(report.databases[0].txHash)).exit, 0);
    assert.equal((await known("0".repeat(64))).exit, 5);
    assert.equal((await known("short")).exit, 2);

    damage(directory, "byte");
    const damaged = await run("immudb", ["verify", "--dir", directory, "--output", "json"]);
    assert.equal(damaged.exit, 5);
    const [finding] = JSON.parse(damaged.stdout).databases.at(-1).findings;
    assert.deepEqual(finding, {
      class: "value",
      txId: "41",
      key: Buffer.from("\0key 40").toString("hex"),
      what: "the value does not hash to what its entry says",
    });
    damage(directory, "byte");
    damage(directory, "page");
    const torn = await run("immudb", ["verify", "--dir", directory, "--database", "defaultdb"]);
    assert.equal(torn.exit, 5);
    assert.match(torn.stdout, /page {12}log\/data\.mdb: page \d+ /);
  });

  test("a wrong command line is told from damage", async () => {
    assert.equal((await run("immudb", ["verify", "--dir", join(root, "nowhere")])).exit, 2);
    assert.equal((await run("immudb", ["verify", "--nonsense"])).exit, 2);
    assert.equal((await run("immuadmin", ["verify", "a", "b"])).exit, 2);
    assert.equal((await run("immuadmin", ["--immudb-port", "1", "verify"])).exit, 1);
  });
});
