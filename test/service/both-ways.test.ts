// A unary call can take two ways through the server: the short one, and the Connect router. Whoever calls must not be able to
// tell which it was. Every unary method, well and badly, is sent both ways, and what comes back is compared as it is on the
// wire. A query after the path sends a call the long way: the short one knows exact paths only.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import { DocumentService } from "../../gen/immudb/model/document_service_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { OpenSessionRequestSchema, OpenSessionResponseSchema } from "../../gen/immudb/schema/session_pb.ts";
import { VerifyService } from "../../gen/immudb/verify/v1/verify_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { ADMIN } from "./support.ts";

const UNARY: readonly DescMethod[] = [ImmuService, AuthorizationService, DocumentService, VerifyService]
  .flatMap((service): readonly DescMethod[] => service.methods)
  // What CompactIndex did the first time is not there to be done a second time.
  .filter(({ methodKind, name }) => methodKind === "unary" && name !== "CompactIndex");

const base64 = (value: string): string => Buffer.from(value).toString("base64");
const KEY = { key: base64("k") };
const LOGIN = { user: base64("immudb"), password: base64("immudb") };
const SESSION = { username: base64("immudb"), password: base64("immudb"), databaseName: "defaultdb" };

/** Messages that a method answers well, in JSON form; `n` is a number of its own for each call. */
const GOOD: Readonly<Record<string, (n: number) => JsonValue>> = {
  "ImmuService.Login": () => LOGIN,
  "ImmuService.OpenSession": () => SESSION,
  "AuthorizationService.OpenSession": () => ({ username: "immudb", password: "immudb", database: "defaultdb" }),
  "ImmuService.Set": (n) => ({ KVs: [{ key: base64(`set ${n}`), value: base64("v") }] }),
  "ImmuService.VerifiableSet": (n) => ({
    setRequest: { KVs: [{ key: base64(`set ${n}`), value: base64("v") }] },
    proveSinceTx: "1",
  }),
  "ImmuService.SetReference": (n) => ({ key: base64(`reference ${n}`), referencedKey: KEY.key }),
  "ImmuService.VerifiableSetReference": (n) => ({
    referenceRequest: { key: base64(`reference ${n}`), referencedKey: KEY.key },
    proveSinceTx: "1",
  }),
  "ImmuService.ZAdd": (n) => ({ set: base64("set"), score: n, key: KEY.key }),
  "ImmuService.VerifiableZAdd": (n) => ({
    zAddRequest: { set: base64("set"), score: -n, key: KEY.key },
    proveSinceTx: "1",
  }),
  "ImmuService.ExecAll": (n) => ({
    Operations: [
      { kv: { key: base64(`batch ${n}`), value: base64("v") } },
      { zAdd: { set: base64("batches"), score: 1, key: base64(`batch ${n}`), boundRef: true } },
    ],
  }),
  "ImmuService.ZScan": () => ({ set: base64("set"), limit: "2" }),
  "ImmuService.Get": () => KEY,
  "ImmuService.VerifiableGet": () => ({ keyRequest: KEY, proveSinceTx: "1" }),
  "ImmuService.GetAll": () => ({ keys: [base64("k"), base64("nothing")] }),
  "ImmuService.Delete": (n) => ({ keys: [base64(`gone ${n}`)] }),
  "ImmuService.Scan": () => ({ prefix: base64("k"), limit: "2" }),
  "ImmuService.History": () => ({ ...KEY, limit: 5 }),
  "ImmuService.Count": () => ({ prefix: base64("k") }),
  "ImmuService.TxById": () => ({ tx: "1" }),
  "ImmuService.VerifiableTxById": () => ({ tx: "2", proveSinceTx: "1" }),
  "ImmuService.TxScan": () => ({ initialTx: "1", limit: 2 }),
  "ImmuService.CreateDatabase": (n) => ({ databaseName: `created${n}` }),
  "ImmuService.CreateDatabaseWith": (n) => ({ databaseName: `created${n}` }),
  "ImmuService.CreateDatabaseV2": (n) => ({ name: `created${n}` }),
  "ImmuService.UseDatabase": () => ({ databaseName: "defaultdb" }),
};

/** Methods whose answers to two equal calls differ: their messages are compared by their shape. */
const VOLATILE =
  /^(ImmuService\.(Login|OpenSession|Set|VerifiableSet|SetReference|VerifiableSetReference|ZAdd|VerifiableZAdd|ExecAll|Delete|CreateDatabase.*|DatabaseHealth|DatabaseList.*|ServerInfo|UseDatabase|.*Tx|Health))$|^AuthorizationService\./;

interface Answer {
  /** Of the first block, as they came, and whether it ended the answer. */
  readonly head: readonly string[];
  readonly headEnds: boolean;
  readonly body: Buffer;
  readonly trailers: readonly string[];
}

describe("both ways through the server", () => {
  let server: TestServer;
  let connection: ClientHttp2Session;
  let agent: Agent;
  let session: string;
  let calls = 0;
  before(async () => {
    server = await startTestServer({ "max-recv-msg-size": "200000", "login-slowdown": "false" });
    connection = connect(server.url);
    agent = new Agent({ keepAlive: true });
    session = await login();
    const sessionid = session;
    const toDelete = Array.from({ length: 1000 }, (_, n) => ({ key: base64(`gone ${n}`), value: "" }));
    await grpc("/immudb.schema.ImmuService/Set", messageOf(methodNamed("Set"), { KVs: toDelete }), { sessionid });
    for (let n = 0; n < 3; n++) {
      const set = { KVs: [{ key: base64("k"), value: base64(`value ${n}`) }] };
      await grpc("/immudb.schema.ImmuService/Set", messageOf(methodNamed("Set"), set), { sessionid });
    }
  });
  after(async () => {
    agent.destroy();
    connection.close();
    await server[Symbol.asyncDispose]();
  });

  async function login(name = "immudb"): Promise<string> {
    const who = { ...ADMIN, username: utf8(name), password: utf8(name) };
    const message = toBinary(OpenSessionRequestSchema, create(OpenSessionRequestSchema, who));
    const { body } = await grpc("/immudb.schema.ImmuService/OpenSession", message);
    return fromBinary(OpenSessionResponseSchema, body.subarray(5)).sessionID;
  }

  /** Sends pieces of a body, each in a DATA frame of its own, and waits where there is something to wait for. */
  async function send(
    path: string,
    pieces: readonly (Uint8Array | Promise<void>)[],
    headers: Record<string, string>,
  ): Promise<Answer> {
    const stream = connection.request({ ":method": "POST", ":path": path, te: "trailers", ...headers });
    let trailers: string[] = [];
    stream.on("trailers", (_fields: unknown, _flags: unknown, raw: string[]) => {
      trailers = raw;
    });
    const responded = once(stream, "response");
    const closed = once(stream, "close");
    for (const piece of pieces) {
      if (piece instanceof Promise) await piece;
      else stream.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    const [, flags, head] = (await responded) as [unknown, number, string[]];
    const body: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    await closed;
    return {
      head,
      headEnds: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
      body: Buffer.concat(body),
      trailers,
    };
  }

  function grpc(path: string, message: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    return send(path, [frame(message)], { "content-type": "application/grpc", ...headers });
  }

  /** Both ways at once would let one see what the other wrote. */
  async function both<T>(call: (way: string) => Promise<T>): Promise<[short: T, long: T]> {
    return [await call(""), await call("?long")];
  }

  /** The session of everybody, or a new one for a method that ends it or changes it. */
  const sessionFor = (method: DescMethod): Promise<string> | string =>
    /CloseSession|Logout|UseDatabase/.test(method.name) ? login() : session;

  const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;
  const nameOf = ({ parent, name }: DescMethod): string => `${parent.name}.${name}`;

  function assertSame(short: Answer, long: Answer): void {
    assert.deepEqual(short, long);
    assert.equal(short.headEnds, false, "trailers alone");
    assert.ok(short.trailers.includes("grpc-status"));
  }

  test("every method, to whoever has not logged in", async () => {
    for (const method of UNARY) {
      const [short, long] = await both((way) => grpc(pathOf(method) + way, new Uint8Array()));
      if (VOLATILE.test(nameOf(method))) assert.deepEqual(short.trailers, long.trailers, nameOf(method));
      else assertSame(short, long);
    }
  });

  test("every method, with an empty message and with one that is none", async () => {
    for (const method of UNARY) {
      for (const message of [new Uint8Array(), Buffer.from([0xff, 0xff, 0xff])]) {
        const [short, long] = await both(async (way) =>
          grpc(pathOf(method) + way, message, { sessionid: await sessionFor(method) }),
        );
        assert.deepEqual(short.head, long.head, nameOf(method));
        assert.deepEqual(short.trailers, long.trailers, nameOf(method));
        if (!VOLATILE.test(nameOf(method))) assertSame(short, long);
      }
    }
  });

  test("every method that answers well", async () => {
    let answered = 0;
    for (const method of UNARY) {
      const good = GOOD[nameOf(method)] ?? (() => ({}));
      const [short, long] = await both(async (way) =>
        grpc(pathOf(method) + way, messageOf(method, good(++calls)), { sessionid: await sessionFor(method) }),
      );
      assert.deepEqual(short.head, long.head, nameOf(method));
      assert.deepEqual(short.trailers, long.trailers, nameOf(method));
      assert.equal(short.headEnds, false);
      if (nameOf(method) in GOOD) assert.deepEqual(short.trailers, ["grpc-status", "0"], nameOf(method));
      if (short.body.length === 0) continue;
      answered++;
      const shape = (answer: Answer): unknown =>
        shapeOf(toJson(method.output, fromBinary(method.output, answer.body.subarray(5))));
      if (VOLATILE.test(nameOf(method))) assert.deepEqual(shape(short), shape(long), nameOf(method));
      else assert.deepEqual(short.body, long.body, nameOf(method));
    }
    assert.ok(answered >= 25, `${answered} methods answered`);
  });

  test("failures, with texts of all kinds", async () => {
    const sessionid = session;
    const failing: [string, string, JsonValue][] = [
      ["ImmuService", "Get", { key: base64("nothing") }],
      ["ImmuService", "Get", { ...KEY, atTx: "999" }],
      ["ImmuService", "Get", { ...KEY, atTx: "1", atRevision: "1" }],
      ["ImmuService", "Scan", { limit: "9999" }],
      ["ImmuService", "TxById", { tx: "999" }],
      ["ImmuService", "UseDatabase", { databaseName: "schlüssel 🔑 100%" }],
      ["ImmuService", "CreateDatabaseV2", { name: "naïve\n" }],
      ["ImmuService", "Set", { KVs: [{ key: base64("k") }, { key: base64("k") }] }],
      ["ImmuService", "ExecAll", {}],
    ];
    for (const [service, name, message] of failing) {
      const method = UNARY.find((one) => one.parent.name === service && one.name === name) as DescMethod;
      const [short, long] = await both((way) => grpc(pathOf(method) + way, messageOf(method, message), { sessionid }));
      assertSame(short, long);
      assert.notEqual(short.trailers[1], "0", name);
    }
  });

  test("frames that are not as they should be, and ones that come in pieces", async () => {
    const sessionid = session;
    const get = frame(messageOf(methodNamed("Get"), KEY));
    const bodies: [string, readonly Uint8Array[], Record<string, string>][] = [
      ["octet by octet", [...get].map((octet) => Buffer.from([octet])), {}],
      ["in two", [get.subarray(0, 7), get.subarray(7)], {}],
      ["nothing", [], {}],
      ["half a head", [get.subarray(0, 3)], {}],
      ["half a message", [get.subarray(0, 7)], {}],
      ["two messages", [get, get], {}],
      ["two messages in one", [Buffer.concat([get, get])], {}],
      ["a message and a half", [Buffer.concat([get, get.subarray(0, 6)])], {}],
      ["compressed, it says", [Buffer.concat([Buffer.from([1]), get.subarray(1)])], {}],
      ["compressed", [frame(gzipSync(get.subarray(5)), 1)], { "grpc-encoding": "gzip" }],
      ["identity", [get], { "grpc-encoding": "identity" }],
      ["too long", [frame(new Uint8Array(200_001))], {}],
      ["too long, it says", [Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1])], {}],
      ["a deadline", [get], { "grpc-timeout": "5S" }],
      ["a deadline that is none", [get], { "grpc-timeout": "soon" }],
      ["gRPC with its codec", [get], { "content-type": "application/grpc+proto" }],
    ];
    for (const [what, pieces, headers] of bodies) {
      const [short, long] = await both((way) =>
        send(`/immudb.schema.ImmuService/Get${way}`, pieces, {
          "content-type": "application/grpc",
          sessionid,
          ...headers,
        }),
      );
      assert.deepEqual(short, long, what);
      assert.equal(short.headEnds, false, what);
    }
  });

  test("who is thrown out while his message comes is not served", async () => {
    const create = { user: base64("guest"), password: base64("guest"), permission: 2, database: "defaultdb" };
    await grpc("/immudb.schema.ImmuService/CreateUser", messageOf(methodNamed("CreateUser"), create), {
      sessionid: session,
    });
    const get = frame(messageOf(methodNamed("Get"), KEY));
    const [short, long] = await both(async (way) => {
      const sessionid = await login("guest");
      let throwOut = (): void => {};
      const thrownOut = new Promise<void>((resolve) => {
        throwOut = resolve;
      });
      const answer = send(`/immudb.schema.ImmuService/Get${way}`, [get.subarray(0, 7), thrownOut, get.subarray(7)], {
        "content-type": "application/grpc",
        sessionid,
      });
      const active = messageOf(methodNamed("SetActiveUser"), { username: "guest", active: false });
      await grpc("/immudb.schema.ImmuService/SetActiveUser", active, { sessionid: session });
      throwOut();
      const given = await answer;
      const again = messageOf(methodNamed("SetActiveUser"), { username: "guest", active: true });
      await grpc("/immudb.schema.ImmuService/SetActiveUser", again, { sessionid: session });
      return given;
    });
    assertSame(short, long);
    assert.ok(short.trailers.includes("session not found"));
  });

  test("a long name in a text that says it is cut, wherever the cut falls", async () => {
    const sessionid = session;
    for (const name of ["n".repeat(100_000), "🔑".repeat(600), `x${"🔑".repeat(600)}`, "ü".repeat(600)]) {
      for (const [method, message] of [
        ["UseDatabase", { databaseName: name }],
        ["SetActiveUser", { username: name, active: true }],
        ["ChangePassword", { user: base64(name), newPassword: base64("x") }],
      ] as const) {
        const bytes = messageOf(methodNamed(method), message);
        const [short, long] = await both((way) =>
          grpc(`/immudb.schema.ImmuService/${method}${way}`, bytes, { sessionid }),
        );
        assertSame(short, long);
        assert.notEqual(short.trailers[short.trailers.indexOf("grpc-status") + 1], "13", method);
        assert.ok(short.trailers.join("").length < 8192, `${short.trailers.join("").length} octets`);
      }
    }
  });

  test("in JSON over HTTP/1.1, all the same", async () => {
    const sessionid = session;
    const post = async (path: string, body: string | Buffer, headers: Record<string, string> = {}) => {
      const request = httpRequest(`${server.url}${path}`, {
        agent,
        method: "POST",
        headers: { "content-type": "application/json", sessionid, ...headers },
      });
      request.end(body);
      const [response] = await once(request, "response");
      const { date: _date, ...fields } = response.headers;
      return { status: response.statusCode as number, fields, body: await text(response) };
    };
    for (const method of UNARY) {
      if (/Session|Log(in|out)/.test(method.name)) continue;
      const good = GOOD[nameOf(method)] ?? (() => ({}));
      for (const body of [() => JSON.stringify(good(++calls)), () => "{}", () => "{", () => '{"surprise": 1}']) {
        const [short, long] = await both((way) => post(pathOf(method) + way, body()));
        assert.equal(short.status, long.status, nameOf(method));
        if (VOLATILE.test(nameOf(method))) continue;
        assert.deepEqual(short, long, nameOf(method));
      }
    }
    const get = "/immudb.schema.ImmuService/Get";
    const special: [string, string | Buffer, Record<string, string>][] = [
      ["a mark at its beginning", Buffer.from(`\ufeff${JSON.stringify(KEY)}`), {}],
      ["octets that are no text", Buffer.from([0x22, 0xff, 0x22]), {}],
      ["a charset", JSON.stringify(KEY), { "content-type": "application/json; charset=utf-8" }],
      ["a deadline", JSON.stringify(KEY), { "connect-timeout-ms": "5000" }],
      ["no session", JSON.stringify(KEY), { sessionid: "unknown" }],
      ["compressed", gzipSync(JSON.stringify(KEY)), { "content-encoding": "gzip" }],
      ["chunked", JSON.stringify(KEY), { "transfer-encoding": "chunked" }],
    ];
    for (const [what, body, headers] of special) {
      const [short, long] = await both((way) => post(get + way, body, headers));
      assert.deepEqual(short, long, what);
    }
  });
});

function methodNamed(name: string): DescMethod {
  const method = UNARY.find((one) => one.parent === ImmuService && one.name === name);
  assert.ok(method);
  return method;
}

function messageOf({ input }: { readonly input: DescMessage }, json: JsonValue): Uint8Array {
  return toBinary(input, fromJson(input, json));
}

function frame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Which fields there are, and of what type; of a list, what is in it first. */
function shapeOf(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
}
