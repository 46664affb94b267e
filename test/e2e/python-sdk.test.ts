// The Python SDK as its users have it, against the real server.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pythonWithSdk } from "../../scripts/python-env.ts";
import { run } from "../../scripts/run.ts";
import { requireTool } from "../support/requires.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

test("the Python SDK logs in, sets, gets, scans, reads history, deletes, and stores five megabytes", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTestServer();
  assert.match(await runScript(server, "key_value.py"), /key-value: done/);
});

test("the Python SDK verifies, and still does on its old state file after the server was restarted", async (t) => {
  if (!requireTool("python3", t)) return;
  const dir = await mkdtemp(join(tmpdir(), "python-state-"));
  try {
    await using server = await startTestServer();
    const stateFile = join(dir, "state");
    assert.match(await runScript(server, "verified.py", stateFile, "before"), /verified: done at 9/);
    await server.restart();
    assert.match(await runScript(server, "verified.py", stateFile, "after"), /verified: done at 18/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

/** Runs a script of the folder python against the server and returns what it printed. */
async function runScript(server: TestServer, script: string, ...args: readonly string[]): Promise<string> {
  const python = await pythonWithSdk();
  const file = join(import.meta.dirname, "python", script);
  const address = `${server.host}:${server.port}`;
  const { code, output } = await run(python, [file, address, server.user, server.password, ...args]);
  assert.equal(code, 0, output);
  return output;
}
