import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { KeyRequestSchema } from "../../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { ADMIN, refusalOf } from "./support.ts";

const KEY = utf8("k");
/** Node's own client refuses to hold more than 10 MB for a connection. */
const PATIENT = { nodeOptions: { maxSessionMemory: 1000 } };

for (const transport of ["own", "node"])
  describe(`the port of a running server, transport ${transport}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startTestServer({ transport });
    });
    after(() => server[Symbol.asyncDispose]());

    const post = (method: string, body: string, headers: Record<string, string> = {}) =>
      fetch(`${server.url}/immudb.schema.ImmuService/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });

    for (const [name, transportTo] of [
      ["gRPC", (baseUrl: string) => createGrpcTransport({ baseUrl })],
      ["gRPC-Web over HTTP/2", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
      ["gRPC-Web over HTTP/1.1", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
      ["Connect over HTTP/2", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" })],
      ["Connect over HTTP/1.1", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ] as const) {
      test(`speaks ${name}, errors and their details too, and says on every answer who it is`, async () => {
        const client = createClient(ImmuService, transportTo(server.url));
        let uuid: string | null = null;
        const onHeader = (headers: globalThis.Headers) => {
          uuid = headers.get("immudb-uuid");
        };
        const { sessionID, serverUUID } = await client.openSession(ADMIN, { onHeader });
        assert.equal(uuid, serverUUID);
        const headers = { sessionid: sessionID };
        await client.set({ KVs: [{ key: KEY, value: utf8(name) }] }, { headers });
        assert.deepEqual((await client.get({ key: KEY }, { headers })).value, utf8(name));
        uuid = null;
        const missing = client.get({ key: utf8("missing") }, { headers, onHeader });
        assert.deepEqual(await refusalOf(missing), { code: 2, text: "tbtree: key not found" });
        assert.deepEqual(await refusalOf(client.get({ key: KEY })), { code: 2, text: "not logged in", info: "28000" });
        await client.closeSession({}, { headers });
      });
    }

    test("takes JSON as a person types it", async () => {
      const opened = await post(
        "OpenSession",
        '{"username":"aW1tdWRi","password":"aW1tdWRi","databaseName":"defaultdb"}',
      );
      assert.equal(opened.status, 200);
      const { sessionID, serverUUID } = (await opened.json()) as Record<string, string>;
      assert.equal(opened.headers.get("immudb-uuid"), serverUUID);
      assert.match(opened.headers.get("immudb-ts-version") ?? "", /^\d+\.\d+\.\d+$/);
      const session = { sessionid: sessionID ?? "" };
      assert.equal((await post("Set", '{"KVs":[{"key":"aGVsbG8=","value":"d29ybGQ="}]}', session)).status, 200);
      const entry = await (await post("Get", '{"key":"aGVsbG8="}', session)).json();
      assert.partialDeepStrictEqual(entry, { key: "aGVsbG8=", value: "d29ybGQ=", revision: "1" });
      const refused = await post("Get", '{"key":"bm9wZQ=="}', session);
      assert.partialDeepStrictEqual(await refused.json(), { code: "unknown", message: "tbtree: key not found" });
      assert.equal(refused.headers.get("immudb-uuid"), serverUUID);
      assert.equal((await post("Set", "{", session)).status, 400);
    });

    test("HEAD is answered without a body, and a deadline that no timer can wait for is none", async () => {
      const session = connectHttp2(server.url);
      const ask = async (fields: Record<string, string>): Promise<[status: unknown, body: string]> => {
        const stream = session.request(fields);
        const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
        return [answer[":status"], await text(stream)];
      };
      assert.deepEqual(await ask({ ":method": "HEAD", ":path": "/nothing" }), [404, ""]);
      session.close();
      const health = await post("Health", "{}", { "connect-timeout-ms": "9999999999" });
      assert.equal(health.status, 200);
    });

    test("calls without side effects are also asked with GET, others are not", async () => {
      const opened = await post(
        "OpenSession",
        JSON.stringify({ username: "aW1tdWRi", password: "aW1tdWRi", databaseName: "defaultdb" }),
      );
      const { sessionID: sessionid = "" } = (await opened.json()) as Record<string, string>;
      const set = await post("Set", '{"KVs":[{"key":"Z2V0","value":"aXQ="}]}', { sessionid });
      assert.equal(set.status, 200);
      const query = `encoding=json&message=${encodeURIComponent('{"key":"Z2V0"}')}`;
      const path = `/immudb.schema.ImmuService/Get?${query}`;
      const overHttp1 = await fetch(`${server.url}${path}`, { headers: { sessionid } });
      assert.partialDeepStrictEqual(await overHttp1.json(), { key: "Z2V0", value: "aXQ=" });
      const session = connectHttp2(server.url);
      const ask = async (asked: string): Promise<[status: unknown, body: string]> => {
        const stream = session.request({ ":path": asked, sessionid });
        const [fields] = (await once(stream, "response")) as [IncomingHttpHeaders];
        return [fields[":status"], await text(stream)];
      };
      const [status, body] = await ask(path);
      assert.equal(status, 200);
      assert.partialDeepStrictEqual(JSON.parse(body), { key: "Z2V0", value: "aXQ=" });
      assert.equal((await ask(`/immudb.schema.ImmuService/Set?${query}`))[0], 405);
      session.close();
    });

    describe("as raw gRPC", () => {
      let session: ClientHttp2Session;
      before(() => {
        session = connectHttp2(server.url);
      });
      after(() => session.close());

      /** What comes back: the first header block, the trailers, and whether the first block already ended the answer. */
      const call = async (path: string, message: Uint8Array, headers: Record<string, string> = {}) => {
        const type = "application/grpc";
        const stream = session.request({
          ":method": "POST",
          ":path": path,
          "content-type": type,
          te: "trailers",
          ...headers,
        });
        const frame = Buffer.alloc(5 + message.length);
        frame.writeUInt32BE(message.length, 1);
        frame.set(message, 5);
        let trailers: IncomingHttpHeaders = {};
        stream.on("trailers", (fields: IncomingHttpHeaders) => {
          trailers = fields;
        });
        stream.end(frame);
        const [first] = (await once(stream, "response")) as [IncomingHttpHeaders];
        stream.resume();
        await once(stream, "close");
        return { first, trailers };
      };
      const get = toBinary(KeyRequestSchema, create(KeyRequestSchema, { key: KEY }));

      test("an error is a header block and then trailers, never trailers alone", async () => {
        const { first, trailers } = await call("/immudb.schema.ImmuService/Get", get);
        assert.equal(first[":status"], 200);
        assert.match(String(first["content-type"]), /^application\/grpc/);
        assert.equal(first["grpc-status"], undefined);
        assert.equal(String(first["immudb-uuid"]).length, 20);
        assert.equal(trailers["grpc-status"], "2");
        assert.equal(trailers["grpc-message"], "not logged in");
        assert.ok(trailers["grpc-status-details-bin"]);
      });

      test("a text with colons and commas travels as it is", async () => {
        const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
        const { sessionID } = await client.openSession(ADMIN);
        const { trailers } = await call("/immudb.schema.ImmuService/Get", Buffer.alloc(0), { sessionid: sessionID });
        assert.equal(trailers["grpc-message"], "illegal arguments: empty key");
      });

      test("an unknown method is unimplemented, and a method that is not built says its name", async () => {
        for (const path of ["/immudb.schema.ImmuService/Nope", "/grpc.channelz.v1.Channelz/GetServers"]) {
          const { first, trailers } = await call(path, get);
          assert.equal(first[":status"], 200);
          assert.equal(first["grpc-status"], undefined);
          assert.equal(String(first["immudb-uuid"]).length, 20);
          assert.equal(trailers["grpc-status"], "12");
          assert.equal(trailers["grpc-message"], `unknown method ${path}`);
        }
      });

      test("nothing is compressed, whatever the client offers", async () => {
        const { first } = await call("/immudb.schema.ImmuService/Health", Buffer.alloc(0), {
          "grpc-accept-encoding": "gzip",
        });
        assert.equal(first["grpc-encoding"], undefined);
      });

      test("requests that are cut off trouble nobody", async () => {
        for (const path of ["/", "/immudb.schema.ImmuService/Get", "/nope"]) {
          const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
          stream.on("error", () => {});
          const closed = once(stream, "close");
          stream.write(Buffer.from([0, 0, 0, 1, 0, 1]));
          await new Promise((resolve) => setTimeout(resolve, 20));
          stream.close(8);
          await closed;
        }
        assert.equal((await call("/immudb.schema.ImmuService/Health", Buffer.alloc(0))).trailers["grpc-status"], "0");
      });
    });

    test("an unknown method is refused in the protocol it was asked in", async () => {
      const unknown = (type: string) =>
        fetch(`${server.url}/a.B/C`, { method: "POST", headers: { "content-type": type }, body: "{}" });
      const json = await unknown("application/json");
      assert.equal(json.status, 404);
      assert.deepEqual(await json.json(), { code: "unimplemented", message: "unknown method /a.B/C" });
      assert.equal(json.headers.get("immudb-uuid")?.length, 20);
      const web = await unknown("application/grpc-web+proto");
      assert.equal(web.status, 200);
      const frame = Buffer.from(await web.arrayBuffer());
      assert.equal(frame[0], 0x80);
      assert.equal(frame.readUInt32BE(1), frame.length - 5);
      assert.equal(String(frame.subarray(5)), "grpc-status: 12\r\ngrpc-message: unknown method /a.B/C\r\n");
    });

    test("large messages pass, and one beyond the limit is refused as too large", async () => {
      await using small = await startTestServer({ transport, "max-recv-msg-size": "100000" });
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: small.url }));
      const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
      const set = (size: number) => client.set({ KVs: [{ key: KEY, value: new Uint8Array(size) }] }, { headers });
      assert.equal((await set(99_000)).id, 1n);
      assert.equal((await refusalOf(set(101_000))).code, 8);
      assert.equal((await refusalOf(set(3_000_000))).code, 8);
      assert.equal((await set(99_000)).id, 2n);
      const start = Date.now();
      await small.restart();
      assert.ok(Date.now() - start < 5000, "a stopping server does not wait for what it has refused");
    });

    test("a message of many megabytes comes and goes over one connection, several at once", async () => {
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url, ...PATIENT }));
      const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
      const value = new Uint8Array(5_000_000).fill(7);
      const keys = ["a", "b", "c"].map((name) => utf8(`large-${name}`));
      await Promise.all(keys.map((key) => client.set({ KVs: [{ key, value }] }, { headers })));
      for (const answer of await Promise.all(keys.map((key) => client.get({ key }, { headers })))) {
        assert.deepEqual(answer.value, value);
      }
    });

    test("a connection of HTTP/1.1 carries further requests after one that was refused before it had come", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ask = async (method: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
        const request = httpRequest(`${server.url}/immudb.schema.ImmuService/${method}`, {
          agent,
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
        });
        request.end(body);
        const [response] = (await once(request, "response")) as [IncomingMessage];
        await text(response);
        return response.statusCode;
      };
      const long = "x".repeat(300_000);
      for (const headers of [{}, { "content-encoding": "gzip" }, { "transfer-encoding": "chunked" }]) {
        for (const method of ["Login", "Set", "nope"]) {
          assert.notEqual(await ask(method, long, headers), 200);
          assert.equal(await ask("Health", "{}"), 200);
        }
      }
      agent.destroy();
    });

    test("nobody sends long messages before logging in", async () => {
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url, ...PATIENT }));
      const long = { user: new Uint8Array(100_000), password: utf8("x") };
      assert.equal((await refusalOf(client.login(long))).code, 8);
      const set = client.set({ KVs: [{ key: KEY, value: new Uint8Array(20_000_000) }] });
      assert.equal((await refusalOf(set)).text, "not logged in");
    });

    test("200 calls at once on one connection are all answered", async () => {
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
      const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
      const set = (i: number) => client.set({ KVs: [{ key: utf8(`many-${i}`), value: KEY }] }, { headers });
      const ids = (await Promise.all(Array.from({ length: 200 }, (_, i) => set(i)))).map((header) => header.id);
      assert.equal(new Set(ids).size, 200);
    });

    test("the page is there with a policy that lets only its own files in, and paths lead nowhere else", async () => {
      const page = await fetch(server.url);
      if (page.status === 404) assert.match(await page.text(), /not built/);
      else assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
      assert.equal(page.headers.get("immudb-uuid")?.length, 20);
      for (const path of [
        "/../package.json",
        "/%2e%2e/package.json",
        "/..%2fpackage.json",
        "//package.json",
        "/package.json",
      ]) {
        const socket = connect(server.port, server.host);
        socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.match(await text(socket), /^HTTP\/1\.1 404 /, path);
      }
    });

    test("what is no proper request is answered as such", async () => {
      const raw = async (lines: string) => {
        const socket = connect(server.port, server.host);
        socket.end(lines);
        return text(socket);
      };
      const type = "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close";
      assert.match(
        await raw(`POST /immudb.schema.ImmuService/Health HTTP/1.1\r\nHost: x\r\n${type}\r\n\r\n{}`),
        /^HTTP\/1\.1 200/,
      );
      assert.match(
        await raw(`POST /immudb.schema.ImmuService/Health HTTP/1.1\r\nHost: a b\r\n${type}\r\n\r\n{}`),
        /^HTTP\/1\.1 400/,
      );
      assert.match(
        await raw(`POST /immudb.schema.ImmuService/Health HTTP/1.0\r\n${type}\r\n\r\n{}`),
        /^HTTP\/1\.[01] 400/,
      );
      assert.match(await raw("GET / HTTP/1.1\r\nHost x\r\n\r\n"), /^HTTP\/1\.1 400/);
      assert.match(await raw(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
      assert.equal(await raw("SSH-2.0-OpenSSH_9.9\r\n"), "");
      assert.match(await raw("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1\.1 400/);
    });
  });
