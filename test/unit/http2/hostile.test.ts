// Peers that do what no honest client does: each is stopped with the right code, one line in the log, and bounded memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  HEADERS,
  PING,
  PREFACE,
  PRIORITY,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../../src/http2/frames.ts";
import { encodeFields } from "../../../src/http2/hpack-encoder.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import type { Http2Limits } from "../../../src/http2/http2-limits.ts";
import type { ServerStream } from "../../../src/http2/server-stream.ts";
import { frame, settingsPayload } from "../../fuzz/http2-frames.ts";
import {
  answerAtEnd,
  data,
  HEAD,
  headers,
  RawClient,
  REQUEST,
  rstStream,
  TestHttp2Server,
  until,
  windowUpdate,
} from "../../support/raw-http2.ts";

const { ENHANCE_YOUR_CALM, CANCEL, REFUSED_STREAM } = ERROR_CODES;
const BLOCK = encodeFields(REQUEST);
const NOTHING = new Uint8Array(0);
const ignore = (stream: ServerStream): void => {
  stream.sink = { data() {}, end() {}, aborted() {} };
};
const times = (n: number, of: (i: number) => Uint8Array): Uint8Array =>
  Buffer.concat(Array.from({ length: n }, (_, i) => of(i)));
const odd = (i: number): number => 2 * i + 1;

interface Flood {
  readonly what: string;
  readonly limits: Partial<Http2Limits>;
  /** What is just allowed, and what is one too many. */
  readonly allowed: Uint8Array;
  readonly tooMuch: Uint8Array;
}

const FLOODS: readonly Flood[] = [
  {
    what: "calls that are given up at once",
    limits: { resetsMax: 50, resetsPerSecond: 1 },
    allowed: times(50, (i) => Buffer.concat([headers(odd(i)), rstStream(odd(i), CANCEL)])),
    tooMuch: Buffer.concat([headers(101), rstStream(101, CANCEL)]),
  },
  {
    what: "calls that break a rule, so that the server gives them up",
    limits: { resetsMax: 50, resetsPerSecond: 1 },
    allowed: times(50, (i) => Buffer.concat([headers(odd(i)), windowUpdate(odd(i), 0)])),
    tooMuch: Buffer.concat([headers(101), windowUpdate(101, 0)]),
  },
  {
    what: "calls that are no requests",
    limits: { resetsMax: 50, resetsPerSecond: 1 },
    allowed: times(50, (i) => headers(odd(i), [["a", "b"]])),
    tooMuch: headers(101, [["a", "b"]]),
  },
  {
    what: "calls above the announced limit",
    limits: { streamsMax: 1, resetsMax: 50, resetsPerSecond: 1 },
    allowed: times(51, (i) => headers(odd(i))),
    tooMuch: headers(201),
  },
  {
    what: "header lists that are too long",
    limits: { headerListBytesMax: 100, resetsMax: 50, resetsPerSecond: 1 },
    allowed: times(50, (i) => headers(odd(i))),
    tooMuch: headers(201),
  },
  {
    what: "SETTINGS",
    limits: { settingsMax: 20, settingsPerSecond: 1 },
    allowed: times(18, () => frame(SETTINGS, 0, 0, settingsPayload([[4, 1000]]))),
    tooMuch: frame(SETTINGS, 0, 0, NOTHING),
  },
  {
    what: "WINDOW_UPDATE",
    limits: { idleFramesMax: 100, idleFramesPerSecond: 1 },
    allowed: times(100, () => windowUpdate(0, 1)),
    tooMuch: windowUpdate(0, 1),
  },
  {
    what: "PRIORITY",
    limits: { idleFramesMax: 100, idleFramesPerSecond: 1 },
    allowed: times(100, () => frame(PRIORITY, 0, 9, new Uint8Array(5))),
    tooMuch: frame(PRIORITY, 0, 9, new Uint8Array(5)),
  },
  {
    what: "frames of an unknown type",
    limits: { idleFramesMax: 100, idleFramesPerSecond: 1 },
    allowed: times(100, () => frame(0x33, 0, 9, new Uint8Array(5))),
    tooMuch: frame(0x33, 0, 9, new Uint8Array(5)),
  },
  {
    what: "empty DATA",
    limits: { idleFramesMax: 100, idleFramesPerSecond: 1 },
    allowed: Buffer.concat([headers(1, REQUEST, END_HEADERS), times(100, () => data(1, NOTHING, 0))]),
    tooMuch: data(1, NOTHING, 0),
  },
  {
    what: "RST_STREAM of streams that have ended",
    limits: { idleFramesMax: 100, idleFramesPerSecond: 1 },
    allowed: Buffer.concat([headers(1), rstStream(1, CANCEL), times(100, () => rstStream(1, CANCEL))]),
    tooMuch: rstStream(1, CANCEL),
  },
];

for (const { what, limits, allowed, tooMuch } of FLOODS) {
  test(`too many: ${what}`, async () => {
    await using server = await TestHttp2Server.start(ignore, limits);
    using client = await RawClient.open(server);
    client.send(allowed);
    await client.roundTrip();
    assert.equal(server.lines.length, 0);
    client.send(tooMuch, tooMuch, tooMuch);
    assert.equal((await client.goaway()).code, ENHANCE_YOUR_CALM);
    await until(() => client.closed && server.http2.connections === 0);
    assert.equal(server.lines.length, 1);
    assert.deepEqual(server.lines[0]?.fields, { peer: "127.0.0.1", code: "ENHANCE_YOUR_CALM" });
    assert.deepEqual(server.counts, [
      { name: "immudb_ts_http2_connections_failed_total", labels: { code: "ENHANCE_YOUR_CALM" } },
    ]);
  });
}

test("what is allowed comes back with time", async () => {
  await using server = await TestHttp2Server.start(ignore, { resetsMax: 10, resetsPerSecond: 100_000, lingerMs: 20 });
  using client = await RawClient.open(server);
  for (let i = 0; i < 5; i++) {
    client.send(times(10, (j) => Buffer.concat([headers(odd(10 * i + j)), rstStream(odd(10 * i + j), CANCEL)])));
    await client.roundTrip();
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.deepEqual(server.lines, []);
});

test("who receives a lot may send WINDOW_UPDATE as often", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, Buffer.alloc(100_000), undefined) };
    },
    { idleFramesMax: 10, idleFramesPerSecond: 1 },
  );
  using client = await RawClient.open(server, [[4, 2 ** 20]]);
  for (let i = 0; i < 20; i++) {
    client.send(headers(odd(i)), windowUpdate(0, 50_000), windowUpdate(0, 50_000), windowUpdate(odd(i), 1));
    assert.equal((await client.reply(odd(i))).body.length, 100_000);
  }
});

test("a client that knows no limit yet is refused, not punished", async () => {
  await using server = await TestHttp2Server.start(ignore, { streamsMax: 1, resetsMax: 0, idleFramesMax: 10 });
  using client = await RawClient.connect(server);
  client.send(PREFACE, frame(SETTINGS, 0, 0, NOTHING), headers(1), headers(3));
  assert.equal(await client.reset(3), REFUSED_STREAM);
  await client.roundTrip();
  client.send(times(10, (i) => headers(odd(i + 2)))); // It never acknowledges the limit.
  assert.equal((await client.goaway()).code, ENHANCE_YOUR_CALM);
});

test("a header block in too many pieces, or too long, ends the connection before it is kept", async () => {
  await using server = await TestHttp2Server.start(ignore, { headerContinuationsMax: 4, headerBlockBytesMax: 20_000 });
  using client = await RawClient.open(server);
  client.send(
    frame(HEADERS, 0, 1, BLOCK),
    times(4, () => frame(CONTINUATION, 0, 1, NOTHING)),
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(client.frames.length, 0);
  client.send(frame(CONTINUATION, 0, 1, NOTHING));
  assert.equal((await client.goaway()).code, ENHANCE_YOUR_CALM);
  using other = await RawClient.open(server);
  other.send(frame(HEADERS, 0, 1, Buffer.alloc(16_000)), frame(CONTINUATION, 0, 1, Buffer.alloc(4001)));
  assert.equal((await other.goaway()).code, ENHANCE_YOUR_CALM);
});

test("ten thousand PINGs are answered when the answers are read", async () => {
  await using server = await TestHttp2Server.start(ignore, { unreadControlFramesMax: 100, idleFramesMax: 10 });
  using client = await RawClient.open(server);
  for (let i = 0; i < 100; i++) {
    client.send(times(100, () => frame(PING, 0, 0, new Uint8Array(8))));
    if (i % 10 === 0) await new Promise(setImmediate);
  }
  await until(() => client.frames.filter((f) => f.type === PING).length === 10_000);
  assert.deepEqual(server.lines, []);
});

test("answers to PING that are not read are bounded", async () => {
  await using server = await TestHttp2Server.start(ignore, { unreadControlFramesMax: 1000 });
  using client = await RawClient.open(server);
  client.socket.pause();
  const pings = times(5000, () => frame(PING, 0, 0, new Uint8Array(8)));
  for (let i = 0; i < 3000 && server.lines.length === 0; i++) {
    client.send(pings);
    await new Promise(setImmediate);
  }
  await until(() => server.lines.length === 1);
  assert.equal(server.lines[0]?.fields["code"], "ENHANCE_YOUR_CALM");
  const held = server.sockets[0]?.writableLength ?? 0;
  assert.ok(held < 500_000, `${held} bytes`);
  await until(() => server.http2.connections === 0);
});

test("replies that are not read wait on their streams, not in the socket", async () => {
  const body = Buffer.alloc(64 * 1024);
  await using server = await TestHttp2Server.start(
    (stream) => {
      stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, body, undefined) };
    },
    { streamsMax: 500 },
  );
  using client = await RawClient.open(server, [[4, 2 ** 31 - 1]]);
  client.send(windowUpdate(0, 2 ** 30));
  client.socket.pause();
  for (let i = 0; i < 500; i++) client.send(headers(odd(i)));
  await until(() => (server.sockets[0]?.writableLength ?? 0) > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const held = server.sockets[0]?.writableLength ?? 0;
  assert.ok(held > 0 && held < 1_000_000, `${held} bytes`);
  client.socket.resume();
  await until(() => client.frames.filter((f) => f.type === DATA && f.flags === 1).length === 500);
});

test("late DATA on a stream that the server ended costs its window and no answers", async () => {
  await using server = await TestHttp2Server.start((stream) => {
    ignore(stream);
    stream.reset(CANCEL);
  });
  using client = await RawClient.open(server);
  client.send(
    headers(1, REQUEST, END_HEADERS),
    times(2000, () => data(1, Buffer.alloc(100), 0)),
  );
  await client.roundTrip();
  assert.deepEqual(
    client.frames.map((f) => f.type).filter((type) => type !== WINDOW_UPDATE),
    [3],
  );
});

test("who sends much work at once leaves others their turn", async () => {
  let handled = 0;
  await using server = await TestHttp2Server.start((stream) => {
    const began = performance.now();
    while (performance.now() - began < 5);
    handled++;
    answerAtEnd(stream);
  });
  using busy = await RawClient.open(server);
  using other = await RawClient.open(server);
  busy.send(times(100, (i) => headers(odd(i))));
  await other.roundTrip();
  assert.ok(handled < 100, `${handled} calls before another connection had its turn`);
  await busy.roundTrip();
  assert.equal(handled, 100);
});

// Time.

test("a preface that does not come is not waited for", async () => {
  await using server = await TestHttp2Server.start(ignore, { prefaceTimeoutMs: 50 });
  using silent = await RawClient.connect(server);
  using half = await RawClient.connect(server);
  half.send(PREFACE);
  await until(() => silent.closed && half.closed);
  assert.equal(server.lines.length, 2);
});

test("a header block that does not end is not waited for, in whichever way it is cut", async () => {
  await using server = await TestHttp2Server.start(ignore, { headerBlockTimeoutMs: 60 });
  using between = await RawClient.open(server);
  using within = await RawClient.open(server);
  using active = await RawClient.open(server);
  between.send(frame(HEADERS, 0, 1, BLOCK));
  within.send(headers(1).subarray(0, 20));
  let id = -1;
  const working = setInterval(() => {
    id += 2;
    const streamId = id;
    active.send(frame(HEADERS, 0, streamId, BLOCK));
    setTimeout(() => active.send(frame(CONTINUATION, END_HEADERS, streamId, NOTHING)), 5);
  }, 20);
  assert.equal((await between.goaway()).code, ENHANCE_YOUR_CALM);
  assert.equal((await within.goaway()).code, ENHANCE_YOUR_CALM);
  await new Promise((resolve) => setTimeout(resolve, 150));
  clearInterval(working);
  assert.equal(server.lines.length, 2);
  assert.equal(active.closed, false);
});

test("a reply that cannot be sent for long ends the connection; one that moves does not", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, Buffer.alloc(10_000), undefined) };
    },
    { stallMs: 100 },
  );
  using stalled = await RawClient.open(server, [[4, 100]]);
  using slow = await RawClient.open(server, [[4, 100]]);
  stalled.send(headers(1));
  slow.send(headers(1));
  const working = setInterval(() => slow.send(windowUpdate(1, 1)), 10);
  const pinging = setInterval(() => stalled.send(frame(PING, 0, 0, new Uint8Array(8))), 10);
  assert.equal((await stalled.goaway()).code, ENHANCE_YOUR_CALM);
  await new Promise((resolve) => setTimeout(resolve, 200));
  clearInterval(working);
  clearInterval(pinging);
  assert.equal(slow.closed, false);
});

test("a message that comes too slowly is not waited for, where it has to come as a whole", async () => {
  const aborted: string[] = [];
  await using server = await TestHttp2Server.start(
    (stream) => {
      const name = stream.headers.get("x-name") ?? "";
      stream.isWhole = name !== "stream";
      const end = (): void => stream.reply(HEAD, NOTHING, undefined);
      stream.sink = { data: ({ length }) => stream.consumed(length), end, aborted: () => aborted.push(name) };
    },
    { slowMessageMs: 60, slowMessageBytesPerSecond: 1000 },
  );
  using client = await RawClient.open(server);
  const request = (id: number, name: string): Uint8Array =>
    frame(HEADERS, END_HEADERS, id, encodeFields([...REQUEST, ["x-name", name]]));
  client.send(request(1, "silent"), request(3, "drip"), request(5, "steady"), request(7, "stream"));
  const drip = setInterval(() => client.send(data(3, Buffer.alloc(1), 0)), 20);
  const steady = setInterval(() => client.send(data(5, Buffer.alloc(200), 0)), 20);
  await until(() => aborted.length === 2);
  clearInterval(drip);
  clearInterval(steady);
  assert.deepEqual(aborted.toSorted(), ["drip", "silent"]);
  client.send(data(5, NOTHING), data(7, NOTHING));
  await client.roundTrip();
  const ended = client.frames.filter(({ type }) => type === HEADERS).map(({ streamId }) => streamId);
  assert.deepEqual(ended.toSorted(), [5, 7]);
});

test("a client that stopped reading is not waited for", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, Buffer.alloc(2 ** 24), undefined) };
    },
    { stallMs: 100, lingerMs: 50 },
  );
  using client = await RawClient.open(server, [[4, 2 ** 30]]);
  client.send(windowUpdate(0, 2 ** 30), headers(1));
  client.socket.pause();
  await until(() => server.http2.connections === 0);
  assert.equal(server.lines.length, 1);
});

test("a silent connection without calls is closed in peace; with a call, or with PING, it stays", async () => {
  await using server = await TestHttp2Server.start(
    (stream) => {
      if (stream.headers.get("x-wait") === undefined) answerAtEnd(stream);
    },
    { idleMs: 80, lingerMs: 40 },
  );
  using silent = await RawClient.open(server);
  using calling = await RawClient.open(server);
  using pinging = await RawClient.open(server);
  silent.send(headers(1));
  calling.send(headers(1, [...REQUEST, ["x-wait", "1"]]));
  const working = setInterval(() => pinging.send(frame(PING, 0, 0, new Uint8Array(8))), 15);
  await until(() => silent.closed);
  await new Promise((resolve) => setTimeout(resolve, 150));
  clearInterval(working);
  assert.equal((await silent.goaway()).code, 0);
  assert.equal(calling.closed || pinging.closed, false);
  assert.deepEqual([server.lines, server.counts], [[], []]);
});
