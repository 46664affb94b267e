// Flow control in both directions, and turns between replies.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_PAYLOAD_MAX,
  HEADERS,
  PADDED,
  readUint32,
  SETTINGS,
  WINDOW_DEFAULT,
  WINDOW_UPDATE,
} from "../../../src/http2/frames.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import type { ServerStream } from "../../../src/http2/server-stream.ts";
import { type Frame, frame, settingsPayload } from "../../fuzz/http2-frames.ts";
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

const INITIAL_WINDOW_SIZE = 4;
const { FLOW_CONTROL_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL } = ERROR_CODES;

/** Bytes that tell where they belong. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

/** Answers with as many bytes as x-size says. */
function answerSized(stream: ServerStream): void {
  const size = Number(stream.headers.get("x-size"));
  stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, pattern(size), TRAILERS) };
}

function ask(streamId: number, size: number): Uint8Array {
  return headers(streamId, [...REQUEST, ["x-size", String(size)]]);
}

function bodyBytes(frames: readonly Frame[], streamId?: number): number {
  const bodies = frames.filter((f) => f.type === DATA && (streamId === undefined || f.streamId === streamId));
  return bodies.reduce((sum, { payload }) => sum + payload.length, 0);
}

test("a reply larger than the windows is sent in parts, as they open", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 1000]]);
  client.send(ask(1, 2500));
  await client.roundTrip();
  assert.equal(bodyBytes(client.frames), 1000);
  client.send(windowUpdate(1, 1));
  await client.roundTrip();
  assert.equal(bodyBytes(client.frames), 1001);
  client.send(windowUpdate(1, 1499));
  const { body, trailers } = await client.reply(1);
  assert.deepEqual(body, Buffer.from(pattern(2500)));
  assert.equal(trailers?.get("grpc-status"), "0");
});

test("the window of the connection bounds all replies together", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 2 ** 20]]);
  client.send(ask(1, 60_000), ask(3, 60_000));
  await client.roundTrip();
  assert.equal(bodyBytes(client.frames), WINDOW_DEFAULT);
  client.send(windowUpdate(0, 120_000 - WINDOW_DEFAULT));
  assert.deepEqual((await client.reply(1)).body, Buffer.from(pattern(60_000)));
  assert.deepEqual((await client.reply(3)).body, Buffer.from(pattern(60_000)));
});

test("an empty reply needs no window", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 0]]);
  client.send(ask(1, 10), ask(3, 0));
  await client.reply(3);
  client.send(frame(SETTINGS, 0, 0, settingsPayload([[INITIAL_WINDOW_SIZE, 10]])));
  assert.equal((await client.reply(1)).body.length, 10);
});

test("SETTINGS change the windows of open streams, below zero too", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 1000]]);
  client.send(ask(1, 3000));
  await client.roundTrip();
  client.send(frame(SETTINGS, 0, 0, settingsPayload([[INITIAL_WINDOW_SIZE, 400]])), windowUpdate(1, 600));
  await client.roundTrip();
  assert.equal(bodyBytes(client.frames), 1000);
  client.send(windowUpdate(1, 1));
  await client.roundTrip();
  assert.equal(bodyBytes(client.frames), 1001);
  client.send(frame(SETTINGS, 0, 0, settingsPayload([[INITIAL_WINDOW_SIZE, 5000]])));
  assert.deepEqual((await client.reply(1)).body, Buffer.from(pattern(3000)));
});

test("windows that grow beyond 2^31-1 are an error, of the stream or of the connection", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 100]]);
  client.send(ask(1, 1000), windowUpdate(1, 2 ** 31 - 1));
  assert.equal(await client.reset(1), FLOW_CONTROL_ERROR);
  client.send(ask(3, 1000), windowUpdate(3, 0));
  assert.equal(await client.reset(3), PROTOCOL_ERROR);
  client.send(ask(5, 1000));
  await client.roundTrip();
  client.send(
    windowUpdate(5, 2 ** 31 - 1),
    frame(SETTINGS, 0, 0, settingsPayload([[INITIAL_WINDOW_SIZE, 2 ** 31 - 1]])),
  );
  assert.equal((await client.goaway()).code, FLOW_CONTROL_ERROR);
});

test("large replies take turns, and a small one comes through between them", async () => {
  await using server = await TestHttp2Server.start(answerSized);
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 2 ** 24]]);
  client.send(windowUpdate(0, 2 ** 24), ask(1, 1_000_000), ask(3, 1_000_000), ask(5, 20_000));
  await until(() => client.frames.filter((f) => (f.flags & END_STREAM) !== 0).length === 3);
  const order = client.frames.filter((f) => f.type === DATA).map((f) => f.streamId);
  const small = order.lastIndexOf(5);
  assert.ok(small < 10, `the small reply ended with frame ${small}`);
  const turns = order.slice(0, 60).filter((id) => id === 1).length;
  assert.ok(turns > 20 && turns < 40, `${turns} of 60 turns`);
  assert.ok(client.frames.every((f) => f.payload.length <= FRAME_PAYLOAD_MAX));
});

test("a reply that its client gave up is not sent on, and its place is free", async () => {
  await using server = await TestHttp2Server.start(answerSized, { unsentReplyBytesMax: 100_000 });
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 100]]);
  client.send(ask(1, 200_000));
  await client.take((f) => f.type === DATA);
  client.send(ask(3, 10));
  assert.equal(await client.reset(3), REFUSED_STREAM);
  client.send(rstStream(1, CANCEL), ask(5, 10));
  assert.equal((await client.reply(5)).body.length, 10);
});

test("who writes piece by piece is told to wait, and when to go on", async () => {
  const streams: ServerStream[] = [];
  await using server = await TestHttp2Server.start((stream) => void streams.push(stream));
  using client = await RawClient.open(server, [[INITIAL_WINDOW_SIZE, 10_000]]);
  client.send(headers(1));
  await until(() => streams.length === 1);
  const stream = streams[0] as ServerStream;
  let drains = 0;
  stream.ondrain = () => void drains++;
  stream.head(HEAD);
  assert.equal(stream.write(pattern(50_000)), true);
  assert.equal(stream.write(pattern(50_000)), false);
  await client.roundTrip();
  assert.equal(drains, 0);
  client.send(windowUpdate(0, 200_000), windowUpdate(1, 45_000));
  await client.roundTrip();
  assert.equal(drains, 0);
  client.send(windowUpdate(1, 20_000));
  await client.roundTrip();
  assert.equal(drains, 1);
  stream.end(TRAILERS);
  client.send(windowUpdate(1, 100_000));
  const { body } = await client.reply(1);
  assert.deepEqual(body, Buffer.concat([pattern(50_000), pattern(50_000)]));
  assert.equal(drains, 1);
});

// Received.

test("windows are given back in large portions, as the receiver gives back what it had", async () => {
  const streams: ServerStream[] = [];
  await using server = await TestHttp2Server.start(
    (stream) => {
      streams.push(stream);
      stream.sink = { data() {}, end() {}, aborted() {} };
    },
    { streamWindowBytes: 100_000, connectionWindowBytes: 200_000 },
  );
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  for (let i = 0; i < 6; i++) client.send(data(1, Buffer.alloc(16_000), 0));
  await client.roundTrip();
  assert.equal(client.frames.length, 0);
  const stream = streams[0] as ServerStream;
  stream.consumed(49_999);
  await client.roundTrip();
  assert.equal(client.frames.length, 0);
  stream.consumed(1);
  const update = await client.take((f) => f.type === WINDOW_UPDATE);
  assert.deepEqual([update.streamId, readUint32(update.payload, 0)], [1, 50_000]);
  client.send(headers(3, REQUEST, END_HEADERS));
  for (let i = 0; i < 6; i++) client.send(data(3, Buffer.alloc(16_000), 0));
  stream.consumed(1_000_000);
  await client.roundTrip();
  streams[1]?.consumed(4000);
  const whole = await client.take((f) => f.type === WINDOW_UPDATE && f.streamId === 0);
  assert.equal(readUint32(whole.payload, 0), 100_000);
});

test("a stream that sends more than its window ends, a connection that does too", async () => {
  const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 };
  await using server = await TestHttp2Server.start((stream) => {
    stream.sink = { data() {}, end() {}, aborted() {} };
  }, limits);
  using client = await RawClient.open(server);
  const chunk = Buffer.alloc(16_000);
  client.send(headers(1, REQUEST, END_HEADERS), headers(3, REQUEST, END_HEADERS));
  for (let i = 0; i < 5; i++) client.send(data(1, chunk, 0));
  assert.equal(await client.reset(1), FLOW_CONTROL_ERROR);
  for (let i = 0; i < 4; i++) client.send(data(3, chunk, 0));
  for (let i = 0; i < 2; i++) client.send(data(1, chunk, 0));
  await client.roundTrip();
  using other = await RawClient.open(server);
  other.send(headers(1, REQUEST, END_HEADERS), headers(3, REQUEST, END_HEADERS));
  for (let i = 0; i < 4; i++) other.send(data(1, chunk, 0), data(3, chunk, 0));
  assert.equal((await other.goaway()).code, FLOW_CONTROL_ERROR);
});

test("padding counts, and is given back at once", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      stream.sink = { data() {}, end() {}, aborted() {} };
    },
    { streamWindowBytes: 65_535 },
  );
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS));
  const padded = Buffer.concat([Uint8Array.of(255), Buffer.from("a"), new Uint8Array(255)]);
  for (let i = 0; i < 300; i++) client.send(frame(DATA, PADDED, 1, padded));
  const update = await client.take((f) => f.type === WINDOW_UPDATE && f.streamId === 1);
  assert.ok(readUint32(update.payload, 0) >= 65_535 / 2);
});

test("nothing of the connection's window is lost, however calls end", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      const how = stream.headers.get("x-how");
      stream.sink = {
        data() {
          if (how === "reset") stream.reset(CANCEL);
          if (how === "reply") stream.reply(HEAD, Buffer.from("x"), undefined);
        },
        end: () => stream.reply(HEAD, Buffer.from("x"), undefined),
        aborted() {},
      };
    },
    { connectionWindowBytes: 65_535 },
  );
  using client = await RawClient.open(server);
  let id = -1;
  let window = WINDOW_DEFAULT;
  const take = (): void => {
    for (const f of client.frames.splice(0))
      if (f.type === WINDOW_UPDATE && f.streamId === 0) window += readUint32(f.payload, 0);
  };
  for (let round = 0; round < 60; round++) {
    for (const how of ["reset", "reply", "end", "give up", "broken"]) {
      id += 2;
      const length = how === "broken" ? "1" : "1000000";
      const fields = [...REQUEST, ["x-how", how], ...(how === "end" ? [] : [["content-length", length]])] as [
        string,
        string,
      ][];
      client.send(headers(id, fields, END_HEADERS), data(id, Buffer.alloc(2000), how === "end" ? END_STREAM : 0));
      if (how === "give up" || how === "reply") client.send(rstStream(id, CANCEL));
      window -= 2000;
      await client.roundTrip();
      take();
      assert.ok(window > 2000, `window of ${window} after ${how} in round ${round}`);
    }
  }
  assert.ok(window > WINDOW_DEFAULT / 2);
});

test("a body of 32 MiB arrives whole", async () => {
  let bytes = 0;
  let sum = 0;
  await using server = await TestHttp2Server.start((stream) => {
    stream.sink = {
      data: (chunk) => {
        bytes += chunk.length;
        sum = (sum + (chunk[0] as number) + (chunk[chunk.length - 1] as number)) >>> 0;
        stream.consumed(chunk.length);
      },
      end: () => stream.reply(HEAD, Buffer.from(String(bytes)), TRAILERS),
      aborted() {},
    };
  });
  using client = await RawClient.open(server);
  const total = 32 * 1024 * 1024;
  const piece = data(1, pattern(16_384), 0);
  client.send(headers(1, [...REQUEST, ["content-length", String(total)]], END_HEADERS));
  let [stream, connection] = [2 ** 20, 2 ** 24];
  for (let sent = 0; sent < total; sent += 16_384) {
    await until(() => {
      for (const f of client.frames.filter((g) => g.type === WINDOW_UPDATE)) {
        if (f.streamId === 0) connection += readUint32(f.payload, 0);
        else stream += readUint32(f.payload, 0);
        client.frames.splice(client.frames.indexOf(f), 1);
      }
      return stream >= 16_384 && connection >= 16_384;
    });
    stream -= 16_384;
    connection -= 16_384;
    client.send(piece);
  }
  client.send(data(1, new Uint8Array(0)));
  assert.equal((await client.reply(1)).body.toString(), String(total));
  assert.ok(sum > 0);
});

test("more than a thousand calls are under way at once", async () => {
  const streams: ServerStream[] = [];
  await using server = await TestHttp2Server.start((stream) => {
    streams.push(stream);
    answerAtEnd(stream);
  });
  using client = await RawClient.open(server);
  const ids = Array.from({ length: 1500 }, (_, i) => 2 * i + 1);
  client.send(...ids.map((id) => headers(id, REQUEST, END_HEADERS)));
  await until(() => streams.length === ids.length);
  client.send(...ids.map((id) => data(id, Buffer.from("x"))));
  await until(
    () => client.frames.filter((f) => f.type === HEADERS && (f.flags & END_STREAM) !== 0).length === ids.length,
  );
  assert.equal(bodyBytes(client.frames), 2 * ids.length);
});
