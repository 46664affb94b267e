// Cases beside the recorded ones, over the wire against the real server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { describeFailures, judgeCase } from "./judge.ts";
import { KEY_CASES } from "./own/keys.ts";
import { LINK_CASES } from "./own/links.ts";
import { TRANSACTION_CASES } from "./own/transactions.ts";
import { loadSchema } from "./schema.ts";
import { Target } from "./target.ts";

describe("key-value behaviour beside the recordings", () => {
  let server: TestServer;
  let target: Target;

  before(async () => {
    server = await startTestServer();
    target = new Target(server.host, server.port, loadSchema());
  });
  after(async () => {
    target.close();
    await server[Symbol.asyncDispose]();
  });

  for (const own of [...KEY_CASES, ...LINK_CASES, ...TRANSACTION_CASES]) {
    test(own.name, async () => {
      const verdict = await judgeCase(target, own, server);
      assert.equal(verdict.passed, own.steps.length, `\n${describeFailures(own, verdict)}`);
    });
  }
});
