// Flags about who may come in, on the real server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { StartError } from "../../src/server/errors.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { refusalOf } from "./support.ts";

const ADMIN = { username: utf8("immudb"), password: utf8("immudb"), databaseName: "defaultdb" };

const WAYS = {
  "gRPC over HTTP/2": (server: TestServer) => createGrpcTransport({ baseUrl: server.url }),
  "Connect over HTTP/2": (server: TestServer) => createConnectTransport({ baseUrl: server.url, httpVersion: "2" }),
  "JSON over HTTP/1.1": (server: TestServer) =>
    createConnectTransport({ baseUrl: server.url, httpVersion: "1.1", useBinaryFormat: false }),
  "protobuf over HTTP/1.1": (server: TestServer) => createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
};

describe("where a call comes from", () => {
  for (const [name, transport] of Object.entries(WAYS))
    test(`is what a trusted proxy says, and nobody else: ${name}`, async () => {
      const headers = { "x-forwarded-for": "127.0.0.1, 192.0.2.9" };
      for (const [flags, isRefused] of [
        [{}, false],
        [{ "trusted-proxies": "127.0.0.0/8" }, true],
        [{ "trusted-proxies": "10.0.0.0/8" }, false],
      ] as const) {
        await using server = await startTestServer({ auth: "false", "log-access": "true", ...flags });
        const client = createClient(ImmuService, transport(server));
        const call = client.currentState({}, { headers });
        if (isRefused) assert.match((await refusalOf(call)).text, /its own machine only/);
        else await call;
        const logged = server.log.find(({ message }) => message === "call");
        assert.equal(logged?.fields["ip"], isRefused ? "192.0.2.9" : "127.0.0.1");
        // Without the header, the call is the proxy's own.
        await client.currentState({});
      }
    });
});

describe("the system administrator's password", () => {
  test("is replaced by a start that is told to, and by no other", async () => {
    await using server = await startTestServer();
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
    await client.openSession(ADMIN);
    const other = { ...ADMIN, password: utf8("another one") };
    await server.restartWith({ "admin-password": "another one" });
    await client.openSession(ADMIN);
    assert.equal((await refusalOf(client.openSession(other))).text, "invalid user name or password");
    await server.restartWith({ "admin-password": "another one", "force-admin-password": "true" });
    await client.openSession(other);
    assert.equal((await refusalOf(client.openSession(ADMIN))).text, "invalid user name or password");
  });

  test("keeps to the rules that are set", async () => {
    await assert.rejects(startTestServer({ "password-min-length": "12" }), StartError);
    await using server = await startTestServer({ "password-min-length": "12", "admin-password": "twelve or more" });
    assert.ok(server.port > 0);
  });
});

test("maintenance mode opens what authentication protects, and refuses to begin with it", async () => {
  await using server = await startTestServer();
  const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
  const { sessionID } = await client.openSession(ADMIN);
  await client.createDatabaseV2({ name: "books" }, { headers: { sessionid: sessionID } });
  await assert.rejects(server.restartWith({ auth: "false" }), StartError);
  await server.restartWith({ auth: "false", maintenance: "true" });
  const { token } = await client.useDatabase({ databaseName: "books" });
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await client.currentState({}, { headers })).db, "books");
  const set = client.set({ KVs: [{ key: utf8("k"), value: utf8("v") }] }, { headers });
  assert.match((await refusalOf(set)).text, /maintenance/);
});

for (const [flags, text] of [
  [{ maintenance: "true" }, /--maintenance needs --auth=false/],
  [{ "force-admin-password": "true" }, /without --admin-password/],
  [{ "trusted-proxies": "somewhere" }, /neither/],
] as const)
  test(`${JSON.stringify(flags)} alone does not start`, async () => {
    await assert.rejects(startTestServer(flags), text);
  });
