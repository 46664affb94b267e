// What web pages of other origins may do, seen from the wire.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { browserRules } from "../../src/server/browsers.ts";
import { StartError } from "../../src/server/errors.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const APP = "https://app.example";
const HEALTH = "/immudb.schema.ImmuService/Health";
const JSON_TYPE = { "content-type": "application/json" };
const GRPC_WEB = { "content-type": "application/grpc-web+proto" };
const EMPTY_FRAME = Buffer.alloc(5);

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

type Ask = (asked: Asked) => Promise<Answer>;

function overHttp1({ port }: TestServer): Ask {
  return ({ method = "POST", path = HEALTH, headers = {}, body = "{}" }) =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false }, async (response) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) }),
      );
      request.on("error", reject).end(method === "POST" ? body : undefined);
    });
}

function overHttp2({ url }: TestServer): Ask {
  return async ({ method = "POST", path = HEALTH, headers = {}, body = "{}" }) => {
    const session = connectHttp2(url);
    try {
      const stream = session.request({ ":method": method, ":path": path, ...headers });
      stream.end(method === "POST" ? body : undefined);
      const [head] = await once(stream, "response");
      return { status: head[":status"], headers: head, body: await text(stream) };
    } finally {
      session.close();
    }
  };
}

for (const transport of ["own", "node"])
  for (const [version, over] of [
    ["HTTP/1.1", overHttp1],
    ["HTTP/2", overHttp2],
  ] as const) {
    if (transport === "node" && version === "HTTP/1.1") continue; // the same server as with the other transport
    describe(`a page of another origin, ${version}, transport ${transport}`, () => {
      let server: TestServer;
      let ask: Ask;
      before(async () => {
        server = await startTestServer({ transport, "cors-origins": `${APP}, http://localhost:5173` });
        ask = over(server);
      });
      after(() => server[Symbol.asyncDispose]());

      const preflight = (origin: string) =>
        ask({ method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });

      test("is told what it may send when its origin is allowed", async () => {
        const { status, headers, body } = await preflight(APP);
        assert.deepEqual([status, body], [204, ""]);
        assert.equal(headers["access-control-allow-origin"], APP);
        assert.match(String(headers["access-control-allow-methods"]), /POST/);
        for (const name of ["content-type", "authorization", "sessionid", "x-grpc-web", "connect-protocol-version"]) {
          assert.ok(String(headers["access-control-allow-headers"]).toLowerCase().split(", ").includes(name), name);
        }
        assert.equal(headers["vary"], "origin");
        assert.equal(headers["access-control-allow-credentials"], undefined);
      });

      for (const [protocol, type, body] of [
        ["Connect", JSON_TYPE, "{}"],
        ["gRPC-Web", GRPC_WEB, EMPTY_FRAME],
      ] as const) {
        test(`may read answers in ${protocol}, and the fields that clients need`, async () => {
          const { status, headers } = await ask({ headers: { ...type, origin: APP }, body });
          assert.equal(status, 200);
          assert.equal(headers["access-control-allow-origin"], APP);
          const exposed = String(headers["access-control-expose-headers"]).toLowerCase().split(", ");
          for (const name of ["grpc-status", "grpc-message", "immudb-uuid"]) assert.ok(exposed.includes(name), name);
        });

        test(`learns nothing in ${protocol} from another origin, and others are answered as ever`, async () => {
          for (const origin of ["https://evil.example", "http://app.example", `${APP}.evil.example`, "null"]) {
            const { status, headers } = await ask({ headers: { ...type, origin }, body });
            assert.equal(status, 200);
            assert.equal(headers["access-control-allow-origin"], undefined, origin);
            assert.equal(headers["vary"], "origin");
            assert.notEqual((await preflight(origin)).status, 204);
          }
          const { status, headers } = await ask({ headers: type, body });
          assert.deepEqual([status, headers["access-control-allow-origin"]], [200, undefined]);
        });
      }

      test("may read refusals and what is not there, too", async () => {
        const refused = await ask({ path: "/immudb.schema.ImmuService/Get", headers: { ...JSON_TYPE, origin: APP } });
        assert.match(refused.body, /not logged in/);
        assert.equal(refused.headers["access-control-allow-origin"], APP);
        const nothing = await ask({ path: "/nothing", headers: { ...JSON_TYPE, origin: APP } });
        assert.deepEqual([nothing.status, nothing.headers["access-control-allow-origin"]], [404, APP]);
      });

      test("is told nothing by a server that names no origins, and everything by one that names all", async () => {
        await using silent = await startTestServer({ transport });
        const answer = await over(silent)({ headers: { ...JSON_TYPE, origin: APP } });
        assert.deepEqual(
          [answer.headers["access-control-allow-origin"], answer.headers["vary"]],
          [undefined, undefined],
        );
        await using open = await startTestServer({ transport, "cors-origins": "*" });
        const { headers } = await over(open)({ headers: { ...JSON_TYPE, origin: "https://any.example" } });
        assert.equal(headers["access-control-allow-origin"], "*");
      });
    });
  }

describe("without authentication", () => {
  test("a name that leads to this machine and is not the server's is refused over HTTP/1.1, in every protocol", async () => {
    await using server = await startTestServer({ auth: "false", "allowed-hosts": "db.internal" });
    const ask = overHttp1(server);
    const scan = "/immudb.schema.ImmuService/CountAll";
    for (const host of [
      "127.0.0.1",
      "[::1]:3322",
      "10.1.2.3:3322",
      "localhost:3322",
      "LOCALHOST.",
      "immudb.localhost",
      hostname(),
      "db.internal:1",
    ]) {
      const { status, body } = await ask({ path: scan, headers: { ...JSON_TYPE, host } });
      assert.equal(status, 200, `${host}: ${body}`);
    }
    for (const host of ["evil.example", "evil.example:3322", "127.0.0.1.evil.example", "localhost.evil.example"]) {
      for (const headers of [JSON_TYPE, GRPC_WEB, {}]) {
        const { status, body } = await ask({ path: scan, headers: { ...headers, host } });
        assert.deepEqual([status, /--allowed-hosts/.test(body)], [403, true], host);
      }
      assert.equal((await ask({ method: "GET", path: "/", headers: { host } })).status, 403);
    }
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
    assert.equal((await client.health({})).status, true);
  });

  test("with it the server answers whatever it is called", async () => {
    await using server = await startTestServer();
    assert.equal((await overHttp1(server)({ headers: { ...JSON_TYPE, host: "evil.example" } })).status, 200);
  });
});

test("origins that no browser would name, and all of them without authentication, are refused at start", () => {
  const rules = { hosts: [], address: "127.0.0.1", authentication: true };
  for (const origin of ["app.example", "https://app.example/", "https://APP.example", "https://a.b:443", "null", ""]) {
    assert.throws(() => browserRules({ ...rules, origins: [origin] }), StartError, origin);
  }
  assert.throws(() => browserRules({ ...rules, authentication: false, origins: ["*"] }), StartError);
  const origins = ["https://app.example", "http://localhost:5173", "*"];
  assert.deepEqual(browserRules({ ...rules, origins }).origins, origins);
});
