// OpenTelemetry as a collector sees it: the real program, told by the environment where to send to.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../../scripts/server-process.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { ADMIN, refusalOf } from "./support.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("calls arrive as spans of the caller's trace, and metrics under their names, without a secret", async () => {
  const received: { path: string; token: unknown; body: Buffer }[] = [];
  const collector = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    received.push({ path: request.url ?? "", token: request.headers["x-token"], body });
    response.end();
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const directory = await mkdtemp(join(tmpdir(), "telemetry-"));
  try {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-token=of-the-collector",
      OTEL_SERVICE_NAME: "ledger-7",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
    };
    const server = new ServerProcess({ directory, env }, "--metrics-server=false");
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: `http://${await server.serving}` }));
    const { sessionID } = await client.openSession(ADMIN);
    const headers = { sessionid: sessionID, traceparent: `00-${TRACE}-${SPAN}-01` };
    await client.set({ KVs: [{ key: utf8("hidden-key"), value: utf8("hidden-value") }] }, { headers });
    await refusalOf(client.get({ key: utf8("hidden-other") }, { headers }));
    // What has not been sent is when the server stops.
    await server.stop();

    const spans = Buffer.concat(received.filter(({ path }) => path === "/v1/traces").map(({ body }) => body));
    const metrics = Buffer.concat(received.filter(({ path }) => path === "/v1/metrics").map(({ body }) => body));
    for (const text of [
      "immudb.schema.ImmuService/Set",
      "rpc.system",
      "rpc.grpc.status_code",
      "ledger-7",
      "defaultdb",
    ]) {
      assert.ok(spans.includes(text), text);
    }
    assert.ok(spans.includes("tbtree: key not found"), "the span of a failed call says why");
    const ofTrace = spans.toString("hex").split(TRACE).length - 1;
    assert.equal(ofTrace, 2, "Set and Get belong to the trace of the caller, OpenSession does not");
    assert.equal(spans.toString("hex").split(SPAN).length - 1, 2);
    for (const text of ["grpc_server_handled_total", "immudb_last_committed_trx_id", "grpc_server_handling_seconds"]) {
      assert.ok(metrics.includes(text), text);
    }
    assert.ok(received.every(({ token }) => token === "of-the-collector"));
    for (const secret of [sessionID, "hidden-", "of-the-collector"]) {
      assert.ok(!spans.includes(secret) && !metrics.includes(secret), secret);
    }
  } finally {
    collector.close();
    await rm(directory, { recursive: true });
  }
});

test("a collector that is not there keeps nobody from being served, nor the server from stopping", async () => {
  const directory = await mkdtemp(join(tmpdir(), "telemetry-"));
  try {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_METRIC_EXPORT_INTERVAL: "100" };
    const server = new ServerProcess({ directory, env });
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: `http://${await server.serving}` }));
    for (let i = 0; i < 5; i++) await client.health({});
    await server.stop();
    assert.ok(server.log.some(({ message }) => message.startsWith("OpenTelemetry: ")));
  } finally {
    await rm(directory, { recursive: true });
  }
});
