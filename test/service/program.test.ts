import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { ADMIN, refusalOf } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));

describe("the program immudb", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "program-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs it on a free port. `url` resolves when it says where it can be called. */
  function run(flags: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    const args = [PROGRAM, "--port=0", "--metrics-server-port=0", `--dir=${join(directory, "data")}`, ...flags];
    const env = { PATH: process.env["PATH"], ...environment };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const said = { out: "", err: "" };
    const { promise: url, resolve } = Promise.withResolvers<string>();
    const look = (): void => {
      const found = /http:\S+:\d+/.exec(said.out) ?? /"url":"(http:[^"]+)"/.exec(said.err);
      if (found !== null) resolve(found[1] ?? found[0]);
    };
    child.stdout.on("data", (chunk) => {
      said.out += chunk;
      look();
    });
    child.stderr.on("data", (chunk) => {
      said.err += chunk;
      look();
    });
    const ended = once(child, "close").then(([code, signal]) => signal ?? code);
    return { url, said, ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`serves until ${signal}, keeps what was written, and ends with exit code 0`, async () => {
      const first = run(["--address=127.0.0.1"]);
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: await first.url }));
      const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
      await client.set({ KVs: [{ key: utf8("k"), value: utf8("v") }] }, { headers });
      const { serverUUID } = await client.openSession(ADMIN);
      first.kill(signal);
      assert.equal(await first.ended, 0, first.said.err);
      assert.match(first.said.err, /shutdown completed\s*$/);

      const second = run(["--address=127.0.0.1"]);
      const again = createClient(ImmuService, createGrpcTransport({ baseUrl: await second.url }));
      assert.deepEqual((await refusalOf(again.get({ key: utf8("k") }, { headers }))).text, "session not found");
      const opened = await again.openSession(ADMIN);
      assert.equal(opened.serverUUID, serverUUID, "the identity stays");
      const entry = await again.get({ key: utf8("k") }, { headers: { sessionid: opened.sessionID } });
      assert.deepEqual(entry.value, utf8("v"));
      second.kill(signal);
      assert.equal(await second.ended, 0);
    });
  }

  test("lets calls under way end when it is stopped, and every acknowledged one is there afterwards", async () => {
    const first = run(["--address=127.0.0.1"]);
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: await first.url }));
    const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
    const acknowledged: number[] = [];
    const writer = async (first: number): Promise<void> => {
      for (let i = first; ; i += 8) {
        await client.set({ KVs: [{ key: utf8(`k${i}`), value: utf8("v") }] }, { headers });
        acknowledged.push(i);
      }
    };
    const writers = Array.from({ length: 8 }, (_, i) => writer(i).catch(() => {}));
    while (acknowledged.length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    first.kill("SIGTERM");
    assert.equal(await first.ended, 0, first.said.err);
    await Promise.all(writers);

    const second = run(["--address=127.0.0.1"]);
    const again = createClient(ImmuService, createGrpcTransport({ baseUrl: await second.url }));
    const session = { sessionid: (await again.openSession(ADMIN)).sessionID };
    const keys = acknowledged.map((i) => utf8(`k${i}`));
    const { entries } = await again.getAll({ keys }, { headers: session });
    assert.equal(entries.length, acknowledged.length);
    second.kill("SIGTERM");
    assert.equal(await second.ended, 0);
  });

  test("says where it listens, where the data is, and three things to try", async () => {
    const { url, said, ended, kill } = run(["--address=127.0.0.1"]);
    const address = await url;
    const { host } = new URL(address);
    kill("SIGTERM");
    await ended;
    assert.match(said.out, new RegExp(`listening\\s+${host}`));
    assert.ok(said.out.includes(join(directory, "data")));
    assert.match(said.out, /curl .*Health[\s\S]*immuclient -- --immudb-port \d+ login[\s\S]*browser/);
  });

  test("warns loudly of the default password where other machines can come, and only there", async () => {
    const loud = /ANYONE WHO REACHES THIS MACHINE CAN LOG IN/;
    for (const [flags, expected] of [
      [[], true],
      [["--address=127.0.0.1"], false],
    ] as const) {
      const { url, said, ended, kill } = run(flags);
      await url;
      kill("SIGTERM");
      await ended;
      assert.equal(loud.test(said.err), expected, flags.join());
    }
    await rm(join(directory, "data"), { recursive: true });
    const own = run(["--admin-password=Another1!"]);
    await own.url;
    own.kill("SIGTERM");
    await own.ended;
    assert.doesNotMatch(own.said.err, loud);
  });

  test("keeps warning of the default password when it is started again with another one in vain", async () => {
    const first = run(["--address=127.0.0.1"]);
    await first.url;
    first.kill("SIGTERM");
    await first.ended;
    const second = run(["--admin-password=Another1!"]);
    await second.url;
    second.kill("SIGTERM");
    await second.ended;
    assert.match(second.said.err, /his password stays as it is/);
    assert.match(second.said.err, /ANYONE WHO REACHES THIS MACHINE CAN LOG IN/);
  });

  test("names flags that have no effect once, and logs JSON when asked to", async () => {
    const flags = ["--address=127.0.0.1", "--logformat=json", "--web-server-port=81"];
    const { url, said, ended, kill } = run(flags, { IMMUDB_PGSQL_SERVER: "true" });
    await url;
    kill("SIGTERM");
    assert.equal(await ended, 0);
    const lines = said.err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const warnings = lines.filter((line) => line.level === "warn").map((line) => line.message);
    assert.deepEqual(warnings, ["without effect in this version: --web-server-port, IMMUDB_PGSQL_SERVER"]);
    assert.equal(lines.at(-1).message, "shutdown completed");
    assert.match(lines.at(-1).timestamp, /^\d{4}-\d\d-\d\dT/);
  });

  test("logs a line for every call when asked to", async () => {
    const { url, said, ended, kill } = run(["--address=127.0.0.1", "--logformat=json", "--log-access"]);
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: await url }));
    await client.openSession(ADMIN);
    await refusalOf(client.get({ key: utf8("k") }));
    kill("SIGTERM");
    await ended;
    const ip = "127.0.0.1";
    const calls = said.err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter((line) => line.message === "call");
    assert.deepEqual(
      calls.map(({ method, user, ip, db, error }) => ({ method, user, ip, db, error })),
      [
        { method: "/immudb.schema.ImmuService/OpenSession", user: "immudb", ip, db: "defaultdb", error: undefined },
        { method: "/immudb.schema.ImmuService/Get", user: "", ip, db: undefined, error: "not logged in" },
      ],
    );
  });

  test("does not start on a data directory that is in use, and says what to do", async () => {
    const first = run(["--address=127.0.0.1"]);
    await first.url;
    const second = run(["--address=127.0.0.1"]);
    assert.equal(await second.ended, 1);
    assert.match(second.said.err, /immudb cannot start: [\s\S]*next: stop the server that uses this data directory/);
    first.kill("SIGTERM");
    assert.equal(await first.ended, 0);
  });

  test("does not start with a wrong setting, a missing key or a taken port, and says what to do", async () => {
    for (const [flags, said] of [
      [["--port=x"], /--port is 'x'[\s\S]*next: see immudb --help/],
      [["--signingKey=/nonexistent.pem"], /signing key \/nonexistent\.pem[\s\S]*next: give --signingKey a P-256/],
      [["--prot=1"], /unknown option '--prot'[\s\S]*--help/],
    ] as const) {
      const { ended, said: heard } = run(flags);
      assert.equal(await ended, 1);
      assert.match(heard.err, said);
      assert.doesNotMatch(heard.err, /^\s+at /m, "no stack for a person's mistake");
    }
    const first = run(["--address=127.0.0.1"]);
    const { port } = new URL(await first.url);
    const second = run(["--address=127.0.0.1", `--port=${port}`, `--dir=${join(directory, "other")}`]);
    assert.equal(await second.ended, 1);
    assert.match(second.said.err, /cannot listen on 127\.0\.0\.1:\d+[\s\S]*next: .*--port/);
    first.kill("SIGTERM");
    await first.ended;
  });

  test("without authentication serves this machine, and refuses to where there is something to protect", async () => {
    const open = run(["--address=127.0.0.1", "--auth=false"]);
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: await open.url }));
    await client.set({ KVs: [{ key: utf8("k"), value: utf8("v") }] });
    open.kill("SIGTERM");
    assert.equal(await open.ended, 0);

    const closed = run(["--address=127.0.0.1"]);
    const admin = createClient(ImmuService, createGrpcTransport({ baseUrl: await closed.url }));
    const headers = { sessionid: (await admin.openSession(ADMIN)).sessionID };
    await admin.createDatabaseV2({ name: "books" }, { headers });
    closed.kill("SIGTERM");
    await closed.ended;

    const again = run(["--address=127.0.0.1", "--auth=false"]);
    assert.equal(await again.ended, 1);
    assert.match(again.said.err, /authentication must be on/);
  });
});
