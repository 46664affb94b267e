// Clients that others wrote: Node's own, plain and over TLS, and grpc-js.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { encodeFields } from "../../../src/http2/hpack-encoder.ts";
import { Http2Server } from "../../../src/http2/http2-server.ts";
import type { ServerStream } from "../../../src/http2/server-stream.ts";
import { TestHttp2Server } from "../../support/raw-http2.ts";

const HEAD = encodeFields([
  [":status", "200"],
  ["content-type", "application/grpc+proto"],
]);
const OK = encodeFields([
  ["grpc-status", "0"],
  ["x-trailer", "t"],
]);
const NOT_FOUND = encodeFields([
  ["grpc-status", "5"],
  ["grpc-message", "no such key"],
]);

/** Gives back what came; /missing ends with an error. */
function echo(stream: ServerStream): void {
  const pieces: Uint8Array[] = [];
  stream.sink = {
    data: (chunk) => {
      pieces.push(chunk);
      stream.consumed(chunk.length);
    },
    end: () => {
      if (stream.headers.path === "/missing") stream.reply(HEAD, new Uint8Array(0), NOT_FOUND);
      else stream.reply(HEAD, Buffer.concat(pieces), OK);
    },
    aborted() {},
  };
}

interface Answer {
  headers: IncomingHttpHeaders;
  body: Buffer;
  trailers: IncomingHttpHeaders;
}

async function post(session: ClientHttp2Session, path: string, body: Buffer): Promise<Answer> {
  const request = session.request({ ":method": "POST", ":path": path, te: "trailers" });
  const answer: Answer = { headers: {}, body: Buffer.alloc(0), trailers: {} };
  const pieces: Buffer[] = [];
  request.on("response", (headers) => {
    answer.headers = headers;
  });
  request.on("trailers", (trailers) => {
    answer.trailers = trailers;
  });
  request.on("data", (chunk: Buffer) => pieces.push(chunk));
  request.end(body);
  await once(request, "close");
  return { ...answer, body: Buffer.concat(pieces) };
}

async function callAll(session: ClientHttp2Session): Promise<void> {
  const bodies = [0, 1, 100, 16_384, 70_000, 3_000_000].map((size) => Buffer.alloc(size, size));
  const answers = await Promise.all(bodies.map((body) => post(session, "/echo", body)));
  answers.forEach(({ headers, body, trailers }, i) => {
    assert.equal(headers[":status"], 200);
    assert.equal(headers["content-type"], "application/grpc+proto");
    assert.equal(trailers["x-trailer"], "t");
    assert.ok(body.equals(bodies[i] as Buffer), `body ${i}`);
  });
  for (let i = 0; i < 50; i++)
    assert.equal((await post(session, "/echo", Buffer.from(`${i}`))).body.toString(), `${i}`);
}

test("node:http2 calls, with bodies of all sizes at once", async () => {
  await using server = await TestHttp2Server.start(echo);
  const session = connect(`http://127.0.0.1:${server.port}`);
  await callAll(session);
  session.close();
  await once(session, "close");
});

test("node:http2 calls over TLS", async () => {
  const http2 = new Http2Server({ onRequest: echo, meter: silentMeter, logger: silentLogger });
  const listener = createServer({ key: KEY, cert: CERTIFICATE, ALPNProtocols: ["h2"] }, (socket: TLSSocket) => {
    assert.equal(socket.alpnProtocol, "h2");
    http2.accept(socket, socket.remoteAddress ?? "");
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const session = connect(`https://127.0.0.1:${(listener.address() as AddressInfo).port}`, { ca: CERTIFICATE });
  await callAll(session);
  const closing = http2.close();
  await once(session, "close");
  await closing;
  listener.close();
});

test("node:http2 stops calling when the server stops", async () => {
  await using server = await TestHttp2Server.start(echo);
  const session = connect(`http://127.0.0.1:${server.port}`);
  await post(session, "/echo", Buffer.from("x"));
  const gone = once(session, "goaway");
  const closing = server.http2.close();
  assert.equal((await gone)[0], 0);
  await closing;
  assert.equal(session.closed, true);
});

test("grpc-js calls: replies, an error, and a deadline", async () => {
  let aborted = 0;
  await using server = await TestHttp2Server.start((stream) => {
    if (stream.headers.path !== "/wait") echo(stream);
    else stream.sink = { data() {}, end() {}, aborted: () => void aborted++ };
  });
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const asIs = (bytes: Buffer): Buffer => bytes;
  const call = (path: string, message: Buffer, deadlineMs = 5000): Promise<Buffer | undefined> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + deadlineMs;
      client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        message,
        new Metadata(),
        { deadline },
        (error: ServiceError | null, reply?: Buffer) => (error === null ? resolve(reply) : reject(error)),
      );
    });
  const messages = Array.from({ length: 100 }, (_, i) => Buffer.alloc(i * 1000, i));
  const replies = await Promise.all(messages.map((message) => call("/echo", message)));
  for (const [i, reply] of replies.entries()) assert.ok(reply?.equals(messages[i] as Buffer), `reply ${i}`);
  await assert.rejects(call("/missing", Buffer.from("x")), { code: 5, details: "no such key" });
  await assert.rejects(call("/wait", Buffer.from("x"), 50), { code: 4 });
  await call("/echo", Buffer.from("x"));
  assert.equal(aborted, 1);
  client.close();
});

// For 127.0.0.1, self-signed, valid for a hundred years; it guards nothing.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVv5bkfe7xazOlArw
u3jpDCAgH6X2fdeThh/S3P9c1YOhRANCAASwqVGVrW1TX/KedArY1EPY3e672i8N
V6KR+2k4zoNuAB1K3D0QoYmEppEYTJ5qo6+GVMI2SpswKQQ2KNW75oY2
-----END PRIVATE KEY-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUbLdjQ2i0MLOV870TsUK85kpaM1kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNDEwNDY1NFoYDzIxMjYxMDMx
MTA0NjU0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASwqVGVrW1TX/KedArY1EPY3e672i8NV6KR+2k4zoNuAB1K3D0QoYmE
ppEYTJ5qo6+GVMI2SpswKQQ2KNW75oY2o28wbTAdBgNVHQ4EFgQU9X72T7Y4EHdR
F/Bl1+2DJroNgX0wHwYDVR0jBBgwFoAU9X72T7Y4EHdRF/Bl1+2DJroNgX0wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSAAwRQIhAKVgc0OXwr0WtSN4c6jura9ZV9eAn3Oi+mQy3u5buW7NAiA3
eZ8Y5IQ3F0OxU0xOleo47W2+b6tE0uXLgNRCIxggXw==
-----END CERTIFICATE-----
`;
