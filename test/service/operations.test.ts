// The commands of immudb that work on a data directory, as an operator runs them: beside a running server, or after it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { ADMIN } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function immudb(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], ...environment };
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

type Session = { readonly client: Client<typeof ImmuService>; readonly headers: Record<string, string> };

async function login(server: TestServer, databaseName = "defaultdb"): Promise<Session> {
  const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
  const { sessionID } = await client.openSession({ ...ADMIN, databaseName });
  return { client, headers: { sessionid: sessionID } };
}

async function set({ client, headers }: Session, key: string, value: string): Promise<void> {
  await client.set({ KVs: [{ key: utf8(key), value: utf8(value) }] }, { headers });
}

async function get({ client, headers }: Session, key: string): Promise<string> {
  return utf8ToString((await client.get({ key: utf8(key) }, { headers })).value);
}

describe("the commands of an operator", () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "operations-"));
  });
  after(() => rm(home, { recursive: true }));

  test("a backup that is taken while the server writes can be started, with everything acknowledged before it", async () => {
    await using server = await startTestServer();
    const session = await login(server);
    await session.client.createDatabaseV2({ name: "second" }, { headers: session.headers });
    const second = await login(server, "second");
    for (let i = 0; i < 50; i++) await set(session, `key ${i}`, `value ${i}`);
    await set(second, "there", "too");
    const target = join(home, "backup");
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) await set(session, `meanwhile ${i}`, "x".repeat(500));
    })();
    const { code, out, err } = await immudb(["backup", "--dir", server.directory, "--to", target]);
    writing = false;
    await writer;
    assert.equal(code, 0, err);
    assert.match(out, /3 databases .*: systemdb, defaultdb, second/);
    assert.equal((await readdir(home)).includes("backup.unfinished"), false);

    await using restored = await startTestServer({ dir: target });
    const again = await login(restored);
    for (let i = 0; i < 50; i++) assert.equal(await get(again, `key ${i}`), `value ${i}`);
    assert.equal(await get(await login(restored, "second"), "there"), "too");
    const before = await session.client.currentState({}, { headers: session.headers });
    const { tx } = await again.client.verifiableTxById({ tx: 10n }, { headers: again.headers });
    assert.equal(tx?.header?.id, 10n);
    assert.ok(before.txId >= 50n);
  });

  test("a backup does not replace what is there, and is not made of nothing or inside its source", async () => {
    await using server = await startTestServer();
    const taken = await mkdtemp(join(home, "taken-"));
    for (const [args, message] of [
      [["--dir", server.directory, "--to", taken], /is there already/],
      [["--dir", join(home, "nowhere"), "--to", join(home, "new")], /is not a data directory/],
      [["--dir", server.directory, "--to", join(server.directory, "inside")], /cannot be part of/],
      [["--dir", server.directory], /--to/],
    ] as const) {
      const { code, err } = await immudb(["backup", ...args]);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, message);
    }
  });

  test("index rebuild needs the directory for itself, and builds the index of one database or of all", async () => {
    let directory = "";
    {
      await using server = await startTestServer();
      const session = await login(server);
      for (let i = 0; i < 30; i++) await set(session, `key ${i % 10}`, `value ${i}`);
      const locked = await immudb(["index", "rebuild", "--dir", server.directory]);
      assert.equal(locked.code, 1);
      assert.match(locked.err, /in use by another process[\s\S]*stop the server/);
      directory = join(home, "rebuild");
      assert.equal((await immudb(["backup", "--dir", server.directory, "--to", directory])).code, 0);
    }
    const args = ["index", "rebuild", "--output", "json"];
    const one = await immudb([...args, "--database", "defaultdb"], { IMMUDB_DIR: directory });
    assert.equal(one.code, 0, one.err);
    const { rebuilt } = JSON.parse(one.out) as { rebuilt: { database: string; transactions: string }[] };
    assert.deepEqual(
      rebuilt.map(({ database, transactions }) => [database, transactions]),
      [["defaultdb", "30"]],
    );
    assert.equal(one.err, "", "no progress where nobody looks");
    const all = await immudb(["index", "rebuild", "--dir", directory]);
    assert.match(all.out, /systemdb: [\s\S]*defaultdb: index built from 30 transactions/);
    const unknown = await immudb(["index", "rebuild", "--dir", directory, "--database", "nosuch"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /no database nosuch[\s\S]*systemdb, defaultdb/);
    await using again = await startTestServer({ dir: directory });
    const session = await login(again);
    for (let i = 20; i < 30; i++) assert.equal(await get(session, `key ${i % 10}`), `value ${i}`);
  });

  test("config check says that a server would start, and warns of what it should know", async () => {
    const directory = join(home, "new");
    const key = join(home, "key.pem");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));
    const flags = ["--dir", directory, "--port=0", "--address=127.0.0.1", `--signingKey=${key}`];
    const fine = await immudb(["config", "check", ...flags]);
    assert.equal(fine.code, 0, fine.out);
    assert.doesNotMatch(fine.out, /warning|FAILED/);
    assert.match(fine.out, /\n {2}port +0 +--port\n/);
    const warned = await immudb([
      "config",
      "check",
      "--dir",
      directory,
      "--port=0",
      "--web-server-port=8081",
      "--output=json",
    ]);
    assert.equal(warned.code, 0);
    const { starts, checks } = JSON.parse(warned.out) as { starts: boolean; checks: { result: string }[] };
    assert.equal(starts, true);
    assert.equal(
      checks.filter(({ result }) => result === "warning").length,
      2,
      "--web-server-port, and the default password",
    );
    await assert.rejects(readdir(directory), { code: "ENOENT" });
  });

  test("config check names what keeps a server from starting", async () => {
    await using server = await startTestServer();
    const badKey = join(home, "bad.pem");
    await writeFile(badKey, "not a key");
    const file = join(home, "file");
    await writeFile(file, "");
    await symlink(join(home, "gone"), join(home, "link"));
    await using listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    for (const [flags, message] of [
      [["--port=99999"], /FAILED +flags +--port/],
      [["--port=0", "--dir", server.directory], /FAILED +data directory .*in use[\s\S]*stop the server/],
      [["--port=0", "--dir", file], /FAILED +data directory/],
      [["--port=0", "--dir", join(file, "below")], /FAILED +data directory/],
      [["--port=0", "--dir", join(home, "link", "below")], /FAILED +data directory/],
      [["--port=0", "--dir", home, `--signingKey=${badKey}`], /FAILED +signing key .*bad\.pem/],
      [["--port=0", "--dir", home, `--certificate=${badKey}`, `--pkey=${badKey}`], /FAILED +TLS .*bad\.pem/],
      [["--dir", home, "--address=127.0.0.1", `--port=${port}`], /FAILED +port .*EADDRINUSE/],
    ] as const) {
      const { code, out } = await immudb(["config", "check", ...flags]);
      assert.equal(code, 2, flags.join(" "));
      assert.match(out, message);
    }
    const environment = await immudb(["config", "check"], { IMMUDB_PORT: "abc" });
    assert.match(environment.out, /FAILED +flags +IMMUDB_PORT/);
    assert.equal((await immudb(["config", "check", "--nosuch"])).code, 2);
  });
});
