// Requests: header blocks, bodies, trailers, and what is wrong with them.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  HEADERS,
  PADDED,
  PRIORITY,
  PRIORITY_GIVEN,
  PUSH_PROMISE,
} from "../../../src/http2/frames.ts";
import { encodeFields } from "../../../src/http2/hpack-encoder.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import type { ServerStream, StreamAbort } from "../../../src/http2/server-stream.ts";
import { frame, uint32 } from "../../fuzz/http2-frames.ts";
import { data, HEAD, headers, RawClient, REQUEST, TestHttp2Server, TRAILERS } from "../../support/raw-http2.ts";

const { PROTOCOL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR, REFUSED_STREAM, NO_ERROR } = ERROR_CODES;
const BLOCK = encodeFields(REQUEST);

/** Answers with what came, and keeps what it was told. */
class Echo {
  readonly streams: ServerStream[] = [];
  readonly aborts: StreamAbort[] = [];
  ends = 0;

  readonly onRequest = (stream: ServerStream): void => {
    this.streams.push(stream);
    const pieces: Uint8Array[] = [];
    stream.sink = {
      data: (chunk) => {
        pieces.push(chunk);
        stream.consumed(chunk.length);
      },
      end: () => {
        this.ends++;
        stream.reply(HEAD, Buffer.concat(pieces), TRAILERS);
      },
      aborted: (reason) => void this.aborts.push(reason),
    };
  };
}

test("a request reaches its receiver, and the reply its sender", async () => {
  const echo = new Echo();
  await using server = await TestHttp2Server.start(echo.onRequest);
  using client = await RawClient.open(server);
  client.send(
    headers(1, [...REQUEST, ["x-a", "1"]], END_HEADERS),
    data(1, Buffer.from("hel"), 0),
    data(1, Buffer.from("lo")),
  );
  const { status, body, trailers } = await client.reply(1);
  assert.equal(status, "200");
  assert.equal(body.toString(), "hello");
  assert.equal(trailers?.get("grpc-status"), "0");
  const [stream] = echo.streams;
  assert.equal(stream?.headers.path, "/test");
  assert.equal(stream?.headers.get("x-a"), "1");
  assert.equal(stream?.peer, "127.0.0.1");
  assert.equal(server.http2.connections, 1);
});

test("padding and priority are no part of a request", async () => {
  const echo = new Echo();
  await using server = await TestHttp2Server.start(echo.onRequest);
  using client = await RawClient.open(server);
  const padded = Buffer.concat([Uint8Array.of(3), uint32(0x80000003), Uint8Array.of(200), BLOCK, new Uint8Array(3)]);
  client.send(frame(HEADERS, END_HEADERS | PADDED | PRIORITY_GIVEN, 1, padded));
  client.send(
    frame(DATA, PADDED | END_STREAM, 1, Buffer.concat([Uint8Array.of(4), Buffer.from("body"), new Uint8Array(4)])),
  );
  assert.equal((await client.reply(1)).body.toString(), "body");
  assert.equal(echo.streams[0]?.headers.path, "/test");
});

test("a header block may come in pieces of any length", async () => {
  await using server = await TestHttp2Server.start();
  using client = await RawClient.open(server);
  const piece = (at: number, end: number): Uint8Array => BLOCK.subarray(at, end);
  client.send(
    frame(HEADERS, END_STREAM, 1, piece(0, 1)),
    frame(CONTINUATION, 0, 1, piece(1, 20)),
    frame(CONTINUATION, 0, 1, new Uint8Array(0)),
    frame(CONTINUATION, END_HEADERS, 1, piece(20, BLOCK.length)),
  );
  assert.equal((await client.reply(1)).status, "200");
});

test("trailers end a request", async () => {
  const echo = new Echo();
  await using server = await TestHttp2Server.start(echo.onRequest);
  using client = await RawClient.open(server);
  client.send(headers(1, REQUEST, END_HEADERS), data(1, Buffer.from("x"), 0), headers(1, [["x-checksum", "1"]]));
  assert.equal((await client.reply(1)).body.toString(), "x");
  assert.equal(echo.ends, 1);
});

test("a header list that is too long is answered with 431, and the connection goes on", async () => {
  const echo = new Echo();
  await using server = await TestHttp2Server.start(echo.onRequest, { headerListBytesMax: 1000 });
  using client = await RawClient.open(server);
  const long = [...REQUEST, ["x-long", "v".repeat(1000)]] as const;
  client.send(headers(1, long));
  assert.equal((await client.reply(1)).status, "431");
  client.send(headers(3, long, END_HEADERS));
  assert.equal((await client.reply(3)).status, "431");
  assert.equal(await client.reset(3), NO_ERROR);
  client.send(data(3, Buffer.from("late")), headers(5));
  assert.equal((await client.reply(5)).status, "200");
  assert.equal(echo.streams.length, 1);
});

test("calls above the limit are refused; the next one after an answer is not", async () => {
  const waiting: ServerStream[] = [];
  await using server = await TestHttp2Server.start((stream) => void waiting.push(stream), { streamsMax: 2 });
  using client = await RawClient.open(server);
  client.send(headers(1), headers(3), headers(5));
  assert.equal(await client.reset(5), REFUSED_STREAM);
  waiting[0]?.reply(HEAD, Buffer.from("a"), undefined);
  await client.reply(1);
  client.send(headers(7));
  await client.roundTrip();
  assert.equal(waiting.length, 3);
});

test("content-length that is kept is no obstacle", async () => {
  await using server = await TestHttp2Server.start(new Echo().onRequest);
  using client = await RawClient.open(server);
  client.send(
    headers(1, [...REQUEST, ["content-length", "4"]], END_HEADERS),
    data(1, Buffer.from("ab"), 0),
    data(1, Buffer.from("cd")),
  );
  assert.equal((await client.reply(1)).body.toString(), "abcd");
  client.send(headers(3, [...REQUEST, ["content-length", "0"]]));
  assert.equal((await client.reply(3)).status, "200");
});

const withLength = (length: string): Uint8Array => headers(1, [...REQUEST, ["content-length", length]], END_HEADERS);
const selfDependent = Buffer.concat([uint32(1), Uint8Array.of(0), BLOCK]);

/** What ends a stream, and nothing else. */
const STREAM_FAULTS: readonly (readonly [what: string, frames: readonly Uint8Array[], code: number])[] = [
  ["no method", [headers(1, REQUEST.slice(1))], PROTOCOL_ERROR],
  ["a name in capitals", [headers1(Buffer.concat([BLOCK, Buffer.from("\x00\x01X\x01y", "latin1")]))], PROTOCOL_ERROR],
  ["a body longer than content-length", [withLength("3"), data(1, Buffer.from("four"))], PROTOCOL_ERROR],
  ["a body shorter than content-length", [withLength("5"), data(1, Buffer.from("four"))], PROTOCOL_ERROR],
  ["no body for a content-length", [headers(1, [...REQUEST, ["content-length", "5"]])], PROTOCOL_ERROR],
  ["trailers before content-length is reached", [withLength("5"), headers(1, [["a", "b"]])], PROTOCOL_ERROR],
  [
    "trailers that end nothing",
    [headers(1, REQUEST, END_HEADERS), headers(1, [["a", "b"]], END_HEADERS)],
    PROTOCOL_ERROR,
  ],
  ["trailers with a pseudo-header", [headers(1, REQUEST, END_HEADERS), headers(1, [[":path", "/"]])], PROTOCOL_ERROR],
  [
    "a stream that depends on itself",
    [frame(HEADERS, END_HEADERS | END_STREAM | PRIORITY_GIVEN, 1, selfDependent)],
    PROTOCOL_ERROR,
  ],
  [
    "a PRIORITY on itself",
    [headers(1, REQUEST, END_HEADERS), frame(PRIORITY, 0, 1, Buffer.concat([uint32(1), Uint8Array.of(0)]))],
    PROTOCOL_ERROR,
  ],
  [
    "a PRIORITY too short",
    [headers(1, REQUEST, END_HEADERS), frame(PRIORITY, 0, 1, new Uint8Array(4))],
    FRAME_SIZE_ERROR,
  ],
];
for (const [what, frames, code] of STREAM_FAULTS) {
  test(`${what}: the stream ends, the connection goes on`, async () => {
    const echo = new Echo();
    await using server = await TestHttp2Server.start(echo.onRequest);
    using client = await RawClient.open(server);
    client.send(...frames);
    assert.equal(await client.reset(1), code);
    assert.equal(echo.ends, 0);
    assert.equal(echo.aborts.length, echo.streams.length);
    client.send(headers(3));
    assert.equal((await client.reply(3)).status, "200");
  });
}

/** What ends the connection. */
const CONNECTION_FAULTS: readonly (readonly [what: string, frames: readonly Uint8Array[], code: number])[] = [
  ["a block that is no HPACK", [headers1(Uint8Array.of(0x80))], COMPRESSION_ERROR],
  ["HEADERS of the connection", [headers(0)], PROTOCOL_ERROR],
  ["HEADERS on an even stream", [headers(2)], PROTOCOL_ERROR],
  ["an identifier lower than the last", [headers(5), headers(3)], PROTOCOL_ERROR],
  ["padding longer than HEADERS", [frame(HEADERS, END_HEADERS | PADDED, 1, Uint8Array.of(9, 1))], PROTOCOL_ERROR],
  ["padding without a length", [frame(HEADERS, END_HEADERS | PADDED, 1, new Uint8Array(0))], FRAME_SIZE_ERROR],
  [
    "a priority that breaks off",
    [frame(HEADERS, END_HEADERS | PRIORITY_GIVEN, 1, new Uint8Array(4))],
    FRAME_SIZE_ERROR,
  ],
  ["a frame within a header block", [frame(HEADERS, 0, 1, BLOCK), data(1, Buffer.from("x"))], PROTOCOL_ERROR],
  [
    "CONTINUATION of another stream",
    [frame(HEADERS, 0, 1, BLOCK), frame(CONTINUATION, END_HEADERS, 3, BLOCK)],
    PROTOCOL_ERROR,
  ],
  ["CONTINUATION of nothing", [frame(CONTINUATION, END_HEADERS, 1, BLOCK)], PROTOCOL_ERROR],
  ["DATA of the connection", [data(0, Buffer.from("x"))], PROTOCOL_ERROR],
  ["DATA on an idle stream", [data(1, Buffer.from("x"))], PROTOCOL_ERROR],
  [
    "padding longer than DATA",
    [headers(1, REQUEST, END_HEADERS), frame(DATA, PADDED, 1, Uint8Array.of(2, 0))],
    PROTOCOL_ERROR,
  ],
  ["PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS, 1, BLOCK)], PROTOCOL_ERROR],
  ["PRIORITY of the connection", [frame(PRIORITY, 0, 0, new Uint8Array(5))], PROTOCOL_ERROR],
  ["a frame that is too long", [frame(DATA, 0, 1, new Uint8Array(16_385))], FRAME_SIZE_ERROR],
  ["HEADERS on a stream that has ended", [headers(1), headers(1)], STREAM_CLOSED],
];
for (const [what, frames, code] of CONNECTION_FAULTS) {
  test(`${what}: the connection ends`, async () => {
    await using server = await TestHttp2Server.start();
    using client = await RawClient.open(server);
    client.send(...frames);
    assert.equal((await client.goaway()).code, code);
    assert.equal(server.lines.length, 1);
  });
}

function headers1(block: Uint8Array): Uint8Array {
  return frame(HEADERS, END_HEADERS | END_STREAM, 1, block);
}
