// The Python SDK as its users have it, against the real server.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { pythonWithSdk } from "../../scripts/python-env.ts";
import { run } from "../../scripts/run.ts";
import { requireTool } from "../support/requires.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { startTlsServer } from "../support/tls-server.ts";

const TOKEN_LIFETIME_MS: number = 1440 * 60_000;

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

test("the Python SDK follows references, walks sorted sets, writes batches, reads transactions, and meets expired keys", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTestServer();
  assert.match(await runScript(server, "links.py"), /links: done/);
});

test("the Python SDK streams values of up to 31 MiB, scans, history, sets, proofs, batches, and carries transactions", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTestServer();
  assert.match(await runScript(server, "streams.py"), /streams: done/);
});

test("the Python SDK manages databases, users, permissions and passwords", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTestServer();
  assert.match(await runScript(server, "users.py"), /users: done/);
});

test("the Python SDK has sessions and tokens, 200 calls at once, a token that expires, a server that restarts", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTestServer();
  const happens = {
    // Only what the time is; timers go on.
    expire: () => t.mock.timers.enable({ apis: ["Date"], now: Date.now() + TOKEN_LIFETIME_MS + 1000 }),
    restart: () => server.restart(),
  };
  assert.match(await runWaiting(server, "sessions.py", happens), /sessions: done/);
});

test("the Python SDK works over TLS when it is given a channel with it", async (t) => {
  if (!requireTool("python3", t)) return;
  await using server = await startTlsServer();
  assert.match(await runScript(server, "over_tls.py", server.authorityFile), /over TLS: done/);
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

/** Runs a script that waits for things to happen to the server, and returns what it printed. */
async function runWaiting(
  server: TestServer,
  script: string,
  happens: Readonly<Record<string, () => void | Promise<void>>>,
): Promise<string> {
  const file = join(import.meta.dirname, "python", script);
  const args = ["-u", file, `${server.host}:${server.port}`, server.user, server.password];
  const child = spawn(await pythonWithSdk(), args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  for await (const line of createInterface(child.stdout)) {
    output += `${line}\n`;
    const [, what] = /^wait: (\w+)$/.exec(line) ?? [];
    if (what === undefined) continue;
    await happens[what]?.();
    child.stdin.write("\n");
  }
  const [code] = child.exitCode === null ? await once(child, "close") : [child.exitCode];
  assert.equal(code, 0, output);
  return output;
}
