import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { ACK, END_HEADERS, GOAWAY, PING } from "../../../src/http2/frames.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import { Http2Server } from "../../../src/http2/http2-server.ts";
import type { ServerStream, StreamAbort } from "../../../src/http2/server-stream.ts";
import { frame } from "../../fuzz/http2-frames.ts";
import {
  data,
  HEAD,
  headers,
  RawClient,
  REQUEST,
  rstStream,
  TestHttp2Server,
  TRAILERS,
  until,
} from "../../support/raw-http2.ts";

const { NO_ERROR, CANCEL } = ERROR_CODES;

/** Calls that wait for the test to answer them. */
function keepTo(streams: ServerStream[], aborts: StreamAbort[] = []): (stream: ServerStream) => void {
  return (stream) => {
    streams.push(stream);
    stream.sink = { data() {}, end() {}, aborted: (reason) => void aborts.push(reason) };
  };
}

test("a stopping server announces it, serves what is under way, and closes when the last call has ended", async () => {
  const streams: ServerStream[] = [];
  await using server = await TestHttp2Server.start(keepTo(streams));
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  await client.roundTrip();
  let closed = false;
  const closing = server.http2.close().then(() => {
    closed = true;
  });
  assert.deepEqual(await client.goaway(), { lastId: 2 ** 31 - 1, code: NO_ERROR });
  const ping = await client.take((f) => f.type === PING && f.flags === 0);
  client.send(headers(3)); // It was under way.
  client.send(frame(PING, ACK, 0, ping.payload));
  assert.deepEqual(await client.goaway(), { lastId: 3, code: NO_ERROR });
  client.send(headers(5), data(5, Buffer.from("x"), 0), rstStream(5, CANCEL)); // It comes too late, and is ignored.
  client.send(data(1, Buffer.from("x")));
  await client.roundTrip();
  assert.equal(streams.length, 2);
  streams[0]?.reply(HEAD, Buffer.from("one"), TRAILERS);
  assert.equal((await client.reply(1)).body.toString(), "one");
  assert.equal(closed, false);
  streams[1]?.reply(HEAD, Buffer.from("two"), TRAILERS);
  assert.equal((await client.reply(3)).body.toString(), "two");
  await closing;
  assert.equal(server.http2.connections, 0);
});

test("a client that does not answer the PING is told the end all the same", async () => {
  await using server = await TestHttp2Server.start(undefined, { lingerMs: 40 });
  using client = await RawClient.open(server);
  const closing = server.http2.close();
  await client.take((f) => f.type === GOAWAY);
  assert.deepEqual(await client.goaway(), { lastId: 0, code: NO_ERROR });
  await closing;
});

test("a connection that has not begun is closed at once, and so is one that comes later", async () => {
  await using server = await TestHttp2Server.start(undefined, { lingerMs: 40 });
  using silent = await RawClient.connect(server);
  await until(() => server.http2.connections === 1);
  await server.http2.close();
  await until(() => silent.closed);
  using late = await RawClient.connect(server);
  await until(() => late.closed);
  assert.equal((await late.goaway()).code, NO_ERROR);
  assert.deepEqual(server.lines, []);
});

test("a server without connections is closed already", async () => {
  await using server = await TestHttp2Server.start();
  await server.http2.close();
  await server.http2.close();
});

test("a server that is destroyed tells its calls", async () => {
  const aborts: StreamAbort[] = [];
  await using server = await TestHttp2Server.start(keepTo([], aborts));
  using client = await RawClient.open(server);
  client.send(headers(1));
  await client.roundTrip();
  server.http2.destroy();
  await until(() => client.closed && server.http2.connections === 0);
  assert.deepEqual(
    aborts.map(({ code }) => code),
    [CANCEL],
  );
});

test("a client that keeps an ended connection open is not waited for, whatever it still sends", async () => {
  await using server = await TestHttp2Server.start(undefined, { lingerMs: 60 });
  using client = await RawClient.open(server);
  client.socket.allowHalfOpen = true;
  client.send(headers(2));
  assert.notEqual((await client.goaway()).code, NO_ERROR);
  const sending = setInterval(() => client.send(headers(3)), 5);
  await until(() => server.http2.connections === 0);
  clearInterval(sending);
  assert.equal(client.frames.length, 0);
});

test("a client whose machine was switched off is noticed", async () => {
  const asked: unknown[] = [];
  const socket = new Socket();
  socket.setKeepAlive = (...args) => {
    asked.push(args);
    return socket;
  };
  new Http2Server({ onRequest() {}, meter: silentMeter, logger: silentLogger }).accept(socket, "");
  assert.deepEqual(asked, [[true, 60_000]]);
  socket.destroy();
});
