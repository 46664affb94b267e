// The old Node SDK as its users have it, against the real server.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodeSdkFolder } from "../../scripts/node-sdk.ts";
import { run } from "../../scripts/run.ts";
import { loadSchema } from "../conformance/schema.ts";
import { Target } from "../conformance/target.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

test("the Node SDK logs in, chooses a database, sets, gets, scans and reads history", async () => {
  await using server = await startTestServer();
  assert.match(await runScript(server, "plain-calls.mjs"), /plain calls: done/);
});

test("the Node SDK verifies what it writes and reads in a database of header version 0, and manages users", async () => {
  await using server = await startTestServer();
  await createDatabase(server, "version0", 0);
  assert.match(await runScript(server, "verified-calls.mjs", "version0"), /verified calls: done/);
});

/** Runs a script of the folder node-sdk against the server and returns what it printed. */
async function runScript(server: TestServer, name: string, ...args: readonly string[]): Promise<string> {
  const script = join(import.meta.dirname, "node-sdk", name);
  const dir = await mkdtemp(join(tmpdir(), "node-sdk-state-"));
  try {
    const address = [server.host, String(server.port), server.user, server.password];
    const all = [script, await nodeSdkFolder(), ...address, join(dir, "state"), ...args];
    const { code, output } = await run(process.execPath, all);
    assert.equal(code, 0, output);
    return output;
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** The SDK is too old to ask for a database with settings. */
async function createDatabase(server: TestServer, name: string, writeTxHeaderVersion: number): Promise<void> {
  const target = new Target(server.host, server.port, loadSchema());
  const [username, password] = [server.user, server.password].map((text) => Buffer.from(text));
  const session = { username, password, databaseName: "defaultdb" };
  const opened = await target.call("ImmuService", "OpenSession", [session]);
  assert.ok("ok" in opened, JSON.stringify(opened));
  const settings = { writeTxHeaderVersion: { value: writeTxHeaderVersion } };
  const meta = { sessionid: String(opened.ok[0]?.["sessionID"]) };
  const created = await target.call("ImmuService", "CreateDatabaseV2", [{ name, settings }], meta);
  assert.ok("ok" in created, JSON.stringify(created));
  target.close();
}
