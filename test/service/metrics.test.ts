// The port of metrics and health, of a real server in this process.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { METRICS_CONNECTIONS_MAX } from "../../src/base/limits.ts";
import { METRICS } from "../../src/base/metrics.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { startTlsServer } from "../support/tls-server.ts";
import { ADMIN, refusalOf } from "./support.ts";

async function clientOf(server: TestServer, databaseName = "defaultdb") {
  const transport = createGrpcTransport({ baseUrl: server.url });
  const opened = await createClient(ImmuService, transport).openSession({ ...ADMIN, databaseName });
  const headers = { sessionid: opened.sessionID };
  return {
    set: (key: string) => createClient(ImmuService, transport).set({ KVs: [kv(key)] }, { headers }),
    get: (key: string) => createClient(ImmuService, transport).get({ key: utf8(key) }, { headers }),
    call: createClient(ImmuService, transport),
    headers,
  };
}

const LABELS = new Set(["grpc_method", "grpc_code"]);

const kv = (key: string) => ({ key: utf8(key), value: utf8("v") });

/** What a path answers: text, or JSON as it came. */
async function ask(server: TestServer, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${server.metricsUrl}${path}`);
  return { status: response.status, body: await response.text() };
}

/** Value of the one series that has these words in its labels. */
function numberIn(text: string, name: string, ...words: string[]): number {
  const lines = text.split("\n").filter((line) => {
    return (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && words.every((word) => line.includes(word));
  });
  assert.equal(lines.length, 1, `${name} ${words.join(" ")}: ${lines.join(" | ")}`);
  return Number(lines[0]?.split(" ").at(-1));
}

describe("the port of metrics", () => {
  test("tells calls, databases and clients under the original's names", async () => {
    await using server = await startTestServer({ "metrics-server-port": "0" });
    const { set, get, headers } = await clientOf(server);
    for (let i = 0; i < 5; i++) await set(`k${i}`);
    await get("k1");
    await refusalOf(get("nosuch"));
    const { status, body } = await ask(server, "/metrics");
    assert.equal(status, 200);
    assert.equal(numberIn(body, "grpc_server_started_total", '"Set"'), 5);
    assert.equal(numberIn(body, "grpc_server_started_total", '"ZScan"'), 0);
    assert.equal(numberIn(body, "grpc_server_handled_total", '"Get"', '"OK"'), 1);
    assert.equal(numberIn(body, "grpc_server_handled_total", '"Get"', '"Unknown"'), 1);
    assert.equal(numberIn(body, "grpc_server_msg_sent_total", '"Get"'), 1);
    assert.equal(numberIn(body, "grpc_server_handling_seconds_count", '"Set"'), 5);
    assert.equal(numberIn(body, "grpc_server_handling_seconds_bucket", '"Set"', '"+Inf"'), 5);
    assert.equal(numberIn(body, "immudb_query_latency_seconds_count", "/immudb.schema.ImmuService/Set"), 5);
    assert.equal(numberIn(body, "immudb_last_committed_trx_id", '"defaultdb"'), 5);
    assert.equal(numberIn(body, "immudb_number_of_stored_entries", '"defaultdb"'), 5);
    assert.equal(numberIn(body, "immudb_loaded_databases"), 2);
    assert.equal(numberIn(body, "immudb_active_sessions"), 1);
    assert.equal(numberIn(body, "immudb_number_of_rpcs_per_client", '"127.0.0.1"'), 8);
    assert.equal(numberIn(body, "immudb_ts_ready"), 1);
    assert.ok(numberIn(body, "immudb_db_size_bytes", '"defaultdb"') > 0);
    assert.ok(numberIn(body, "process_resident_memory_bytes") > 0);
    assert.ok(numberIn(body, "nodejs_eventloop_lag_seconds") >= 0);
    assert.ok(!body.includes(headers.sessionid));
    for (const line of body.split("\n")) assert.match(line, /^(#.*|[a-z0-9_]+(\{.*\})? \S+|)$/);
  });

  test("leaves out latencies when told to", async () => {
    await using server = await startTestServer({ "metrics-server-port": "0", "no-histograms": "true" });
    await (await clientOf(server)).set("k");
    const { body } = await ask(server, "/metrics");
    assert.equal(numberIn(body, "grpc_server_handled_total", '"Set"'), 1);
    assert.doesNotMatch(body, /handling_seconds|query_latency/);
  });

  test("says what runs, that it lives and has started, and knows nothing else", async () => {
    await using server = await startTestServer({ "metrics-server-port": "0" });
    const version = await ask(server, "/version");
    assert.deepEqual([version.status, JSON.parse(version.body).component], [200, "immudb"]);
    assert.deepEqual(await ask(server, "/livez"), { status: 200, body: "" });
    assert.deepEqual(await ask(server, "/initz"), { status: 200, body: "" });
    assert.deepEqual(JSON.parse((await ask(server, "/readyz")).body), { ready: true, reasons: [] });
    assert.equal((await ask(server, "/debug/vars")).status, 404);
    assert.equal((await fetch(`${server.metricsUrl}/metrics`, { method: "POST" })).status, 405);
    assert.equal((await fetch(`${server.metricsUrl}/metrics`, { method: "HEAD" })).status, 200);
  });

  test("is not ready while a database is damaged, and says which", async () => {
    await using server = await startTestServer({ "metrics-server-port": "0" });
    const { call, headers } = await clientOf(server);
    await call.createDatabaseV2({ name: "books" }, { headers });
    const log = join(server.directory, "books", "log");
    await server.restart();
    await (await clientOf(server)).call.health({});
    assert.equal((await ask(server, "/readyz")).status, 200);
    await server.restart(async () => {
      await rm(log, { recursive: true });
      await mkdir(log);
      await writeFile(join(log, "data.mdb"), "this is no database");
    });
    const { status, body } = await ask(server, "/readyz");
    const { ready, reasons } = JSON.parse(body);
    assert.deepEqual([status, ready], [503, false]);
    assert.deepEqual(
      reasons.map(({ reason, database }: { reason: string; database: string }) => [reason, database]),
      [["database_quarantined", "books"]],
    );
    assert.equal((await ask(server, "/livez")).status, 200);
    assert.equal(numberIn((await ask(server, "/metrics")).body, "immudb_ts_databases_quarantined"), 1);
  });

  test("is not ready while the disk is almost full", async () => {
    const flags = { "metrics-server-port": "0", "disk-low-watermark": "999999999999999" };
    await using server = await startTestServer(flags);
    const { status, body } = await ask(server, "/readyz");
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body).reasons[0].reason, "disk_low");
  });

  test("takes a processor profile for who asks from this machine, when that is allowed", async () => {
    await using closed = await startTestServer({ "metrics-server-port": "0" });
    assert.equal((await ask(closed, "/debug/pprof/profile?seconds=1")).status, 404);
    await using server = await startTestServer({ "metrics-server-port": "0", pprof: "true" });
    const [first, second] = await Promise.all(
      ["?seconds=1", "?seconds=1"].map((q) => ask(server, `/debug/pprof/profile${q}`)),
    );
    assert.deepEqual([first?.status, second?.status].sort(), [200, 409]);
    const taken = first?.status === 200 ? first : second;
    assert.ok(JSON.parse(taken?.body ?? "").nodes.length > 0);
    for (const seconds of ["0", "61", "x", "1e9"]) {
      assert.equal((await ask(server, `/debug/pprof/profile?seconds=${seconds}`)).status, 400, seconds);
    }
  });

  test("answers however many connections somebody holds: the oldest makes room", async () => {
    await using server = await startTestServer({ "metrics-server-port": "0" });
    const held = Array.from({ length: METRICS_CONNECTIONS_MAX }, () =>
      connect(Number(new URL(server.metricsUrl ?? "").port), "127.0.0.1").on("error", () => {}),
    );
    await Promise.all(held.map((socket) => once(socket, "connect")));
    const closed = Promise.race(held.map((socket) => once(socket, "close")));
    assert.equal((await fetch(`${server.metricsUrl}/readyz`)).status, 200);
    await closed;
    assert.equal(held.filter((socket) => socket.closed).length, 1);
    for (const socket of held) socket.destroy();
  });

  test("speaks TLS where the server does, and nothing else then", async () => {
    await using server = await startTlsServer({ "metrics-server-port": "0" });
    const url = new URL("/readyz", server.metricsUrl?.replace("http:", "https:"));
    const [answer] = (await once(get(url, { ca: server.authority.credentials.cert }), "response")) as [IncomingMessage];
    assert.equal(answer.statusCode, 200);
    answer.resume();
    await assert.rejects(fetch(`${server.metricsUrl}/readyz`));
  });

  test("keeps the server from starting when it was asked for and cannot be had, and only then", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    try {
      await assert.rejects(startTestServer({ "metrics-server-port": String(port) }), /for metrics: .*EADDRINUSE/);
    } finally {
      taken.close();
    }
  });
});

describe("the dashboard", () => {
  test("asks only for metrics that there are", async () => {
    const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
    const [dashboard, documented] = [
      JSON.parse(await read("deploy/grafana/dashboard.json")),
      await read("docs/operations.md"),
    ];
    const asked = dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) => {
      return targets
        .flatMap(({ expr }) => expr.match(/\b(?:immudb|grpc)_\w+/g) ?? [])
        .filter((name) => !LABELS.has(name));
    });
    assert.ok(asked.length >= 10);
    for (const name of asked) assert.ok(documented.includes(`\`${name.replace(/_bucket$/, "")}\``), name);
  });
});

describe("docs/operations.md", () => {
  test("has a row for every metric that a room reports", async () => {
    const text = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
    for (const name of Object.keys(METRICS)) assert.ok(text.includes(`\`${name}\``), name);
  });
});
