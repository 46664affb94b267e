// The old Node SDK as its users have it, against the real server.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodeSdkFolder } from "../../scripts/node-sdk.ts";
import { run } from "../../scripts/run.ts";
import { startTestServer } from "../support/test-server.ts";

test("the Node SDK logs in, chooses a database, sets, gets, scans and reads history", async () => {
  await using server = await startTestServer();
  const script = join(import.meta.dirname, "node-sdk", "plain-calls.mjs");
  const dir = await mkdtemp(join(tmpdir(), "node-sdk-state-"));
  try {
    const address = [server.host, String(server.port), server.user, server.password];
    const args = [script, await nodeSdkFolder(), ...address, join(dir, "state")];
    const { code, output } = await run(process.execPath, args);
    assert.equal(code, 0, output);
    assert.match(output, /plain calls: done/);
  } finally {
    await rm(dir, { recursive: true });
  }
});
