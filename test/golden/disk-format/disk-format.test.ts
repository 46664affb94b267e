// The format on disk is frozen: what version 1 wrote is opened, answers as it did then, verifies and can be written to.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { VerifyService } from "../../../gen/immudb/verify/v1/verify_pb.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { createNodeTransport } from "../../../src/client/node.ts";
import { startTestServer, type TestServer } from "../../support/test-server.ts";
import { type Answers, answersOf, DATABASES, withDatabase } from "./questions.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const VERSIONS = readdirSync(HERE).flatMap((name) => (name.endsWith(".tar.gz") ? [name.slice(0, -7)] : []));

describe("a data directory of an earlier release", () => {
  assert.ok(VERSIONS.length > 0);
  for (const version of VERSIONS) {
    test(`of format ${version} answers, verifies and goes on`, async () => {
      const recorded: Answers = JSON.parse(readFileSync(join(HERE, `${version}.json`), "utf8"));
      await using server = await startTestServer();
      await server.restart(async () => unpack(version, server.directory));
      assert.deepEqual(await answersOf(server), recorded);
      for (const database of ["defaultdb", "aged", "older"]) {
        const written = await withDatabase(server, database, (immu) =>
          immu.set({ KVs: [{ key: utf8("written later"), value: utf8("1") }] }),
        );
        assert.equal(String(written.id - 1n), (recorded[database]?.["state"] as { txId: string } | undefined)?.txId);
      }
      for (const database of DATABASES) await verify(server, database);
    });
  }
});

function unpack(version: string, directory: string): void {
  for (const name of readdirSync(directory)) execFileSync("rm", ["-r", join(directory, name)]);
  mkdirSync(directory, { recursive: true });
  execFileSync("tar", ["-xzf", join(HERE, `${version}.tar.gz`), "-C", directory, "--no-same-owner"]);
}

async function verify(server: TestServer, database: string): Promise<void> {
  const transport = createNodeTransport(`${server.host}:${server.port}`);
  await withDatabase(server, "defaultdb", async (immu) => {
    const { token } = await immu.login({ user: utf8(server.user), password: utf8(server.password) });
    const headers = { authorization: token };
    for await (const { step } of createClient(VerifyService, transport).verifyDatabase({ database }, { headers })) {
      if (step.case === "report") assert.deepEqual(step.value.findings, [], database);
    }
  });
  transport.close();
}
