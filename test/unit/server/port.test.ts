import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { encodeFields } from "../../../src/http2/header-fields.ts";
import { Http2Server } from "../../../src/http2/http2-server.ts";
import type { ServerStream } from "../../../src/http2/server-stream.ts";
import { StartError } from "../../../src/server/errors.ts";
import { type Http2Door, stockHttp2Door } from "../../../src/server/http2-door.ts";
import { Port, protocolOf } from "../../../src/server/port.ts";
import { Tls } from "../../../src/server/tls.ts";
import { selfSigned, writePair } from "../../support/certificates.ts";

const PREFACE_TIMEOUT_MS = 200;
const GRACE_MS = 2000;

describe("the protocol of a connection", () => {
  test("is decided by its first three bytes, or earlier when they differ", () => {
    const of = (text: string) => protocolOf(Buffer.from(text));
    for (const open of ["", "P", "PR"]) assert.equal(of(open), undefined, open);
    for (const http2 of ["PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) assert.equal(of(http2), "http2", http2);
    for (const http1 of ["G", "PO", "PUT /", "PATCH /", "pri", "\x16\x03\x01"]) assert.equal(of(http1), "http1", http1);
  });
});

interface Answerable {
  readonly path: string | undefined;
  readonly httpVersion: string;
  end(text: string): void;
}

const HTTP2_DOORS: Readonly<Record<string, (answer: (request: Answerable) => void) => Http2Door>> = {
  own: (answer) => {
    const onRequest = (stream: ServerStream): void => {
      stream.sink = { data: ({ length }) => stream.consumed(length), end: () => {}, aborted: () => {} };
      const end = (body: string): void =>
        stream.reply(encodeFields([[":status", "200"]]), Buffer.from(body), undefined);
      answer({ path: stream.headers.path, httpVersion: "2.0", end });
    };
    const server = new Http2Server({ onRequest, logger: silentLogger, meter: silentMeter });
    return {
      accept: (socket, first) => server.accept(socket, "", first),
      close: () => void server.close(),
      destroy: () => server.destroy(),
    };
  },
  node: (answer) =>
    stockHttp2Door((request, response) =>
      answer({ path: request.url, httpVersion: request.httpVersion, end: (body) => void response.end(body) }),
    ),
};

for (const [transport, http2Door] of Object.entries(HTTP2_DOORS))
  describe(`one port, transport ${transport}`, () => {
    let port: Port;
    /** Requests that are held until the test lets them go. */
    let held: (() => void)[];
    /** Where requests of HTTP/1.1 for /address came from. */
    let addresses: (string | undefined)[];

    beforeEach(async () => {
      [held, addresses] = [[], []];
      const answer = ({ path, httpVersion, end }: Answerable): void => {
        if (path === "/slow") held.push(() => end("slow"));
        else end(httpVersion);
      };
      port = await Port.listen({
        address: "127.0.0.1",
        port: 0,
        http1: createHttpServer((request, response) => {
          const { url: path, httpVersion, socket } = request;
          if (path === "/address") response.end(String(addresses[addresses.push(socket.remoteAddress) - 1]));
          else answer({ path, httpVersion, end: (body) => void response.end(body) });
        }),
        http2: http2Door(answer),
        prefaceTimeoutMs: PREFACE_TIMEOUT_MS,
      });
    });
    afterEach(() => port.close(0));

    const dial = async (): Promise<Socket> => {
      const socket = connect(port.number, "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    };
    const received = async (socket: Socket): Promise<string> => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      await once(socket, "close");
      return String(Buffer.concat(chunks));
    };
    const overHttp1 = (path = "/") =>
      new Promise<string>((resolve, reject) => {
        const request = httpRequest({ port: port.number, path, agent: false }, (response) => resolve(text(response)));
        request.on("error", reject).end();
      });
    const overHttp2 = async (path = "/"): Promise<string> => {
      const session = connectHttp2(`http://127.0.0.1:${port.number}`);
      try {
        const stream = session.request({ ":path": path });
        return await text(stream);
      } finally {
        session.close();
      }
    };

    test("answers HTTP/1.1 and HTTP/2 with prior knowledge", async () => {
      assert.equal(await overHttp1(), "1.1");
      assert.equal(await overHttp2(), "2.0");
    });

    test("waits for a protocol that begins byte by byte", async () => {
      const socket = await dial();
      const answer = received(socket);
      for (const byte of "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") {
        socket.write(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.match(await answer, /^HTTP\/1\.1 200 OK[\s\S]*1\.1/);
    });

    test("keeps whatever came together with the first bytes", async () => {
      const socket = await dial();
      const answer = received(socket);
      const pipelined = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
      socket.write(`${pipelined}${pipelined}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.equal((await answer).match(/HTTP\/1\.1 200 OK/g)?.length, 3);
    });

    test("closes a connection that says nothing, too little, or ends", async () => {
      for (const first of ["", "PR"]) {
        const socket = await dial();
        socket.write(first);
        const start = Date.now();
        assert.equal(await received(socket), "");
        assert.ok(Date.now() - start < PREFACE_TIMEOUT_MS * 10, "closed by the timeout");
      }
      const ending = await dial();
      ending.end("P");
      assert.equal(await received(ending), "");
    });

    test("refuses garbage and half a preface, and goes on serving", async () => {
      const garbage = await dial();
      const answer = received(garbage);
      garbage.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00]));
      assert.match(await answer, /^HTTP\/1\.1 400 /);
      const http2 = await dial();
      const goneAway = received(http2);
      http2.write("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
      await goneAway;
      const reset = await dial();
      reset.write("GET / HTT");
      reset.resetAndDestroy();
      assert.equal(await overHttp1(), "1.1");
      assert.equal(await overHttp2(), "2.0");
    });

    test("serves nobody whose address is not known any more, though his request can still be read", async () => {
      const request = "GET /address HTTP/1.1\r\nHost: x\r\n\r\n";
      for (let i = 0; i < 20; i++) {
        const socket = await dial();
        socket.write(request);
        socket.resetAndDestroy();
      }
      assert.equal(await overHttp1("/address"), "127.0.0.1");
      assert.deepEqual([...new Set(addresses)], ["127.0.0.1"]);
    });

    test("lets requests under way end when it closes, and takes no new ones", async () => {
      const answers = Promise.all([overHttp1("/slow"), overHttp2("/slow")]);
      while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      const number = port.number;
      const closed = port.close(GRACE_MS);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const late = connect(number, "127.0.0.1");
      const [refused] = await once(late, "error");
      assert.equal(refused.code, "ECONNREFUSED");
      for (const letGo of held) letGo();
      assert.deepEqual(await answers, ["slow", "slow"]);
      const start = Date.now();
      await closed;
      assert.ok(Date.now() - start < GRACE_MS, "did not wait out the grace");
    });

    test("closes idle connections at once and cuts requests off when the grace is over", async () => {
      const idle = received(await dial());
      const stuck = overHttp1("/slow").catch((error) => error.code);
      while (held.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      await port.close(100);
      assert.equal(await stuck, "ECONNRESET");
      assert.equal(await idle, "");
    });

    test("over TLS closes a connection that stops before, in, or after its handshake, and serves the others", async (t) => {
      const directory = await mkdtemp(join(tmpdir(), "port-"));
      t.after(() => rm(directory, { recursive: true }));
      const credentials = await selfSigned();
      const { certificate, pkey: privateKey } = await writePair(directory, "server", credentials);
      const settings = { certificate, privateKey, auto: false, clientAuthorities: undefined };
      const http1 = createHttpServer((request, response) => void response.end(request.httpVersion));
      const secure = await Port.listen({
        address: "127.0.0.1",
        port: 0,
        http1,
        http2: http2Door(({ end }) => end("2.0")),
        tls: await Tls.open(settings, silentLogger),
        prefaceTimeoutMs: PREFACE_TIMEOUT_MS,
      });
      t.after(() => secure.close(0));
      const ca = credentials.cert;
      const stopped = ["", "\x16", "\x16\x03\x01\x02\x00\x01"].map((first) => {
        const socket = connect(secure.number, "127.0.0.1");
        socket.write(first, "latin1");
        return received(socket.on("error", () => {}));
      });
      const silent = connectTls({ port: secure.number, host: "127.0.0.1", servername: "localhost", ca });
      stopped.push(received(silent));
      const session = connectHttp2(`https://localhost:${secure.number}`, { ca, host: "127.0.0.1" });
      assert.equal(await text(session.request({ ":path": "/" })), "2.0");
      session.close();
      assert.equal((await Promise.all(stopped)).at(-1), "");
    });

    test("says what to do when its address is taken", async () => {
      const options = { http1: createHttpServer(), http2: stockHttp2Door(() => {}), address: "127.0.0.1" };
      const error = await Port.listen({ ...options, port: port.number }).then(
        () => assert.fail("listens twice"),
        (e) => e,
      );
      assert.ok(error instanceof StartError);
      assert.match(error.message, new RegExp(`cannot listen on 127.0.0.1:${port.number}`));
      assert.match(error.hint, /--port/);
    });
  });
