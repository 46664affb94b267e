import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { silentLogger } from "../../src/base/observe.ts";
import { readConfig } from "../../src/server/config.ts";
import { startServer } from "../../src/server/main.ts";
import { ADMIN, refusalOf } from "./support.ts";

test("no database gets the directory that the log is in, and the log gets that of no database", async () => {
  const dir = await mkdtemp(join(tmpdir(), "log-place-"));
  const start = (logdir: string) => {
    const given = { dir, logdir, address: "127.0.0.1", port: "0", logfile: "a.log", "metrics-server": "false" };
    return startServer(readConfig(new Map(Object.entries(given)), {}).config, { logger: silentLogger });
  };
  const server = await start("immulog");
  const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
  const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
  assert.equal(
    (await refusalOf(client.createDatabaseV2({ name: "immulog" }, { headers }))).text,
    "database is reserved",
  );
  await client.createDatabaseV2({ name: "logs" }, { headers });
  await server.close();
  await assert.rejects(start("logs"), /the log would be in the directory of the database logs/);
  await (await start(join(tmpdir(), "logs"))).close();
  await rm(dir, { recursive: true });
});
