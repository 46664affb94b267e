// The states of streams, the ways they end, and the frames that come too late.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACK, END_HEADERS, GOAWAY, HEADERS, PING, RST_STREAM, WINDOW_UPDATE } from "../../../src/http2/frames.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import type { ServerStream, StreamAbort } from "../../../src/http2/server-stream.ts";
import { frame } from "../../fuzz/http2-frames.ts";
import {
  answerAtEnd,
  data,
  HEAD,
  headers,
  RawClient,
  REQUEST,
  rstStream,
  TestHttp2Server,
  TRAILERS,
  until,
  windowUpdate,
} from "../../support/raw-http2.ts";

const { CANCEL, NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, INTERNAL_ERROR } =
  ERROR_CODES;
const BODY = Buffer.from("body");

/** Calls that wait for the test to answer them. */
class Waiting {
  readonly streams: ServerStream[] = [];
  readonly aborts: StreamAbort[] = [];
  readonly received: string[] = [];

  readonly onRequest = (stream: ServerStream): void => {
    this.streams.push(stream);
    stream.sink = {
      data: (chunk) => void this.received.push(Buffer.from(chunk).toString()),
      end: () => void this.received.push("end"),
      aborted: (reason) => void this.aborts.push(reason),
    };
  };

  get first(): ServerStream {
    return this.streams[0] as ServerStream;
  }
}

test("who gives a call up is not answered, and its receiver is told once", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), rstStream(1, CANCEL), rstStream(1, CANCEL));
  await client.roundTrip();
  assert.deepEqual(
    waiting.aborts.map(({ code }) => code),
    [CANCEL],
  );
  waiting.first.reply(HEAD, BODY, TRAILERS);
  waiting.first.reset(CANCEL);
  waiting.first.consumed(5);
  await client.roundTrip();
  assert.equal(client.frames.length, 0);
});

test("a lost connection ends its calls", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), headers(3, REQUEST, END_HEADERS));
  await client.roundTrip();
  client.socket.destroy();
  await until(() => waiting.aborts.length === 2 && server.http2.connections === 0);
  assert.deepEqual(
    waiting.aborts.map(({ code }) => code),
    [CANCEL, CANCEL],
  );
  assert.equal(server.lines.length, 0);
});

test("a reply may be given in pieces", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), headers(3), headers(5));
  await until(() => waiting.streams.length === 3);
  const [withTrailers, without, bare] = waiting.streams as [ServerStream, ServerStream, ServerStream];
  withTrailers.head(HEAD);
  assert.equal(withTrailers.write(Buffer.from("one ")), true);
  withTrailers.write(Buffer.alloc(0));
  withTrailers.write(Buffer.from("two"));
  withTrailers.end(TRAILERS);
  without.head(HEAD);
  without.write(BODY);
  without.end();
  bare.head(HEAD, true);
  const first = await client.reply(1);
  assert.equal(first.body.toString(), "one two");
  assert.equal(first.trailers?.get("grpc-status"), "0");
  const second = await client.reply(3);
  assert.equal(second.body.toString(), "body");
  assert.equal(second.trailers, undefined);
  assert.equal((await client.reply(5)).body.length, 0);
});

test("an empty reply is one frame, one without trailers ends with its body", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), headers(3), headers(5));
  await until(() => waiting.streams.length === 3);
  waiting.streams[0]?.reply(HEAD, new Uint8Array(0), undefined);
  waiting.streams[1]?.reply(HEAD, BODY, undefined);
  waiting.streams[2]?.reply(HEAD, new Uint8Array(0), TRAILERS);
  await client.roundTrip();
  assert.deepEqual(
    client.frames.map(({ streamId, type, flags }) => [streamId, type, flags]),
    [
      [1, 1, 5],
      [3, 1, 4],
      [3, 0, 1],
      [5, 1, 4],
      [5, 1, 5],
    ],
  );
});

test("a header block longer than a frame is sent in several", async () => {
  await using server = await TestHttp2Server.start((stream) => {
    stream.sink = {
      data() {},
      aborted() {},
      end: () => stream.reply(new Uint8Array(40_000).fill(0x88), BODY, undefined),
    };
  });
  using client = await RawClient.open(server);
  client.send(headers(1));
  await client.roundTrip();
  assert.deepEqual(
    client.frames.map(({ type, flags, payload }) => [type, flags, payload.length]),
    [
      [1, 0, 16_384],
      [9, 0, 16_384],
      [9, 4, 7232],
      [0, 1, 4],
    ],
  );
});

test("the server may end a call itself; its receiver is not told, and late frames are no fault", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  await until(() => waiting.streams.length === 1);
  waiting.first.reset(INTERNAL_ERROR);
  assert.equal(await client.reset(1), INTERNAL_ERROR);
  client.send(data(1, BODY, 0), windowUpdate(1, 5), headers(1, [["a", "b"]]), rstStream(1, CANCEL), data(1, BODY));
  await client.roundTrip();
  assert.equal(client.frames.length, 0);
  assert.deepEqual(waiting.aborts, []);
  assert.deepEqual(waiting.received, []);
});

test("DATA after the end of a request ends the stream", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), data(1, BODY));
  assert.equal(await client.reset(1), STREAM_CLOSED);
  assert.deepEqual(
    waiting.aborts.map(({ code }) => code),
    [STREAM_CLOSED],
  );
});

test("HEADERS after the end of a request end the stream", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), headers(1, [["a", "b"]]));
  assert.equal(await client.reset(1), STREAM_CLOSED);
});

test("DATA or HEADERS on a stream that its client gave up end nothing else", async () => {
  await using server = await TestHttp2Server.start(new Waiting().onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1), rstStream(1, CANCEL), data(1, BODY));
  assert.equal(await client.reset(1), STREAM_CLOSED);
  client.send(headers(3), rstStream(3, CANCEL), headers(3));
  assert.equal(await client.reset(3), STREAM_CLOSED);
  await client.roundTrip();
});

test("what comes after a reply is thrown away, its window given back, and its sender stopped after a while", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest, {
    unreadRequestMs: 60,
    streamWindowBytes: 65_535,
  });
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS), data(1, Buffer.alloc(10_000), 0));
  await until(() => waiting.received.length === 1);
  waiting.first.reply(HEAD, BODY, TRAILERS);
  await client.reply(1);
  for (let i = 0; i < 3; i++) client.send(data(1, Buffer.alloc(10_000), 0));
  await client.take((f) => f.type === WINDOW_UPDATE && f.streamId === 1, "the window of an answered request");
  assert.equal(await client.reset(1), NO_ERROR);
  assert.equal(waiting.received.length, 1);
  assert.deepEqual(waiting.aborts, []);
  client.send(data(1, Buffer.alloc(100), 0));
  await client.roundTrip();
});

test("a request that ends after its reply is forgotten without RST_STREAM", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest, { unreadRequestMs: 40 });
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  await until(() => waiting.streams.length === 1);
  waiting.first.reply(HEAD, BODY, TRAILERS);
  await client.reply(1);
  client.send(data(1, BODY));
  await new Promise((resolve) => setTimeout(resolve, 120));
  await client.roundTrip();
  assert.equal(client.frames.length, 0);
  assert.deepEqual(waiting.received, []);
});

test("a fault of a receiver ends its call alone, and is logged", async () => {
  const bug = (): never => {
    throw new Error("a bug");
  };
  await using server = await TestHttp2Server.start((stream) => {
    const where = stream.headers.get("x-bug");
    if (where === "request") bug();
    const aborted = where === "aborted" ? bug : () => {};
    const end = where === "end" ? bug : () => stream.reply(HEAD, Buffer.alloc(0), undefined);
    stream.sink = { data: where === "data" ? bug : () => {}, end, aborted };
  });
  using client = await RawClient.open(server);
  const open = (id: number, where: string) => headers(id, [...REQUEST, ["x-bug", where]], END_HEADERS);
  client.send(open(1, "request"), open(3, "data"), data(3, Buffer.alloc(1)), open(5, "end"), data(5, Buffer.alloc(1)));
  for (const id of [1, 3, 5]) assert.equal(await client.reset(id), INTERNAL_ERROR);
  client.send(open(7, "aborted"), rstStream(7, CANCEL), open(9, ""), data(9, Buffer.alloc(1)));
  await client.take(({ type, streamId }) => type === HEADERS && streamId === 9, "an answer");
  assert.equal(server.lines.length, 4);
  assert.match(server.lines[0]?.message ?? "", /unexpectedly/);
});

test("so does one of a writer that is told to go on", async () => {
  await using server = await TestHttp2Server.start((stream) => {
    stream.ondrain = () => {
      throw new Error("a bug");
    };
    stream.head(HEAD);
    stream.write(Buffer.alloc(100_000));
  });
  using client = await RawClient.open(server);
  client.send(headers(1), windowUpdate(0, 100_000), windowUpdate(1, 100_000));
  assert.equal(await client.reset(1), INTERNAL_ERROR);
  assert.equal(server.lines.length, 1);
  await client.roundTrip();
});

test("a call has one reply", async () => {
  const waiting = new Waiting();
  await using server = await TestHttp2Server.start(waiting.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  await until(() => waiting.streams.length === 1);
  assert.throws(() => waiting.first.write(BODY), /after its head/);
  waiting.first.reply(HEAD, BODY, TRAILERS);
  assert.throws(() => waiting.first.reply(HEAD, BODY, TRAILERS), /one reply/);
  assert.throws(() => waiting.first.head(HEAD), /one head/);
  assert.throws(() => waiting.first.end(), /one end/);
});

const BAD_CONTROL: readonly (readonly [what: string, frame: Uint8Array, code: number])[] = [
  ["PING of a stream", frame(PING, 0, 1, new Uint8Array(8)), PROTOCOL_ERROR],
  ["PING of seven bytes", frame(PING, 0, 0, new Uint8Array(7)), FRAME_SIZE_ERROR],
  ["RST_STREAM of an idle stream", rstStream(1, CANCEL), PROTOCOL_ERROR],
  ["RST_STREAM of the connection", rstStream(0, CANCEL), PROTOCOL_ERROR],
  ["RST_STREAM of three bytes", frame(RST_STREAM, 0, 1, new Uint8Array(3)), FRAME_SIZE_ERROR],
  ["WINDOW_UPDATE of an idle stream", windowUpdate(1, 1), PROTOCOL_ERROR],
  ["WINDOW_UPDATE of a stream of the server", windowUpdate(2, 1), PROTOCOL_ERROR],
  ["WINDOW_UPDATE by nothing", windowUpdate(0, 0), PROTOCOL_ERROR],
  ["WINDOW_UPDATE beyond all bounds", windowUpdate(0, 2 ** 31 - 1), FLOW_CONTROL_ERROR],
  ["WINDOW_UPDATE of three bytes", frame(WINDOW_UPDATE, 0, 0, new Uint8Array(3)), FRAME_SIZE_ERROR],
  ["GOAWAY of a stream", frame(GOAWAY, 0, 1, new Uint8Array(8)), PROTOCOL_ERROR],
  ["GOAWAY of seven bytes", frame(GOAWAY, 0, 0, new Uint8Array(7)), FRAME_SIZE_ERROR],
];
for (const [what, bytes, code] of BAD_CONTROL) {
  test(`${what}: the connection ends`, async () => {
    await using server = await TestHttp2Server.start();
    using client = await RawClient.open(server);
    client.send(bytes);
    assert.equal((await client.goaway()).code, code);
  });
}

test("PING comes back as it is; its answers, GOAWAY and unknown frames are taken in silence", async () => {
  await using server = await TestHttp2Server.start(answerAtEnd);
  using client = await RawClient.open(server);
  client.send(frame(PING, 0, 0, Buffer.from("12345678")));
  const pong = await client.take((f) => f.type === PING && f.flags === ACK);
  assert.equal(Buffer.from(pong.payload).toString(), "12345678");
  client.send(frame(PING, ACK, 0, new Uint8Array(8)), frame(GOAWAY, 0, 0, new Uint8Array(8)), frame(0x2a, 9, 7, BODY));
  client.send(headers(1));
  assert.equal((await client.reply(1)).status, "200");
});
