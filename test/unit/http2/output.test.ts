// What leaves in one write, what is copied, and what happens when a socket is slow.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import { silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { DATA, END_STREAM, HEADERS, PREFACE, SETTINGS } from "../../../src/http2/frames.ts";
import { Http2Server } from "../../../src/http2/http2-server.ts";
import type { ServerStream } from "../../../src/http2/server-stream.ts";
import { type Frame, FrameSplitter, frame, settingsPayload } from "../../fuzz/http2-frames.ts";
import { answerAtEnd, HEAD, headers, TRAILERS, windowUpdate } from "../../support/raw-http2.ts";

const BEGINNING = [PREFACE, frame(SETTINGS, 0, 0, settingsPayload([[4, 2 ** 24]])), windowUpdate(0, 2 ** 24)];
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A socket that keeps what is written, a list for each call of the system. */
class Recorder extends Duplex {
  readonly writes: Buffer[][] = [];
  /** While it is set, writes do not end. */
  slow = false;
  #waiting: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 64 * 1024 });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push([chunk]);
    this.#finish(done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk));
    this.#finish(done);
  }

  #finish(done: () => void): void {
    if (this.slow) this.#waiting = done;
    else done();
  }

  /** Ends the write under way. */
  goOn(): void {
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.();
  }

  get frames(): Frame[] {
    return new FrameSplitter().push(Buffer.concat(this.writes.flat()));
  }
}

function serve(onRequest: (stream: ServerStream) => void, first: readonly Uint8Array[] = BEGINNING): Recorder {
  const socket = new Recorder();
  const server = new Http2Server({
    onRequest,
    meter: silentMeter,
    logger: silentLogger,
    timers: { after: () => () => {} },
  });
  server.accept(socket, "", Buffer.concat(first));
  return socket;
}

test("the replies to all that one read brought leave in one write", async () => {
  const socket = serve(answerAtEnd);
  await turn();
  socket.writes.length = 0;
  socket.push(Buffer.concat(Array.from({ length: 200 }, (_, i) => headers(2 * i + 1))));
  await turn();
  assert.equal(socket.writes.length, 1);
  assert.equal(socket.frames.filter((f) => f.type === DATA).length, 200);
});

test("replies that come later in one turn leave in one write, through promises too", async () => {
  const streams: ServerStream[] = [];
  const socket = serve((stream) => void streams.push(stream));
  socket.push(Buffer.concat(Array.from({ length: 20 }, (_, i) => headers(2 * i + 1))));
  await turn();
  socket.writes.length = 0;
  const committed = Promise.withResolvers<void>();
  for (const stream of streams) void committed.promise.then(() => stream.reply(HEAD, Buffer.from("ok"), TRAILERS));
  committed.resolve();
  await turn();
  assert.equal(socket.writes.length, 1);
  assert.equal(socket.frames.filter((f) => f.type === DATA).length, 20);
});

test("a long body is passed on without a copy, a short one copied", async () => {
  const long = Buffer.alloc(16_000, 7);
  const short = Buffer.alloc(100, 8);
  const socket = serve((stream) => {
    stream.sink = {
      data() {},
      aborted() {},
      end: () => stream.reply(HEAD, stream.headers.method === "GET" ? short : long, undefined),
    };
  });
  await turn();
  socket.writes.length = 0;
  socket.push(headers(1));
  socket.push(
    headers(3, [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
    ]),
  );
  await turn();
  const chunks = socket.writes.flat();
  assert.ok(chunks.some((chunk) => chunk.buffer === long.buffer && chunk.byteOffset === long.byteOffset));
  assert.ok(chunks.every((chunk) => chunk.buffer !== short.buffer));
  assert.deepEqual(
    socket.frames.filter((f) => f.type === DATA).map((f) => f.payload.length),
    [16_000, 100],
  );
});

test("what was written stays as it is until the socket is done with it", async () => {
  const socket = serve(answerAtEnd);
  socket.slow = true;
  for (let i = 0; i < 300; i++) {
    socket.push(headers(2 * i + 1));
    await turn();
    if (i % 7 === 0) socket.goOn();
  }
  socket.slow = false;
  socket.goOn();
  await turn();
  const replies = socket.frames.filter((f) => f.type === DATA);
  assert.deepEqual(
    replies.map((f) => f.streamId),
    Array.from({ length: 300 }, (_, i) => 2 * i + 1),
  );
  assert.ok(replies.every((f) => Buffer.from(f.payload).toString() === "ok"));
});

test("bodies wait while the socket is full, and go on when it has room", async () => {
  const body = Buffer.alloc(100_000, 1);
  const socket = serve((stream) => {
    stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, body, TRAILERS) };
  });
  await turn();
  socket.slow = true;
  socket.push(Buffer.concat(Array.from({ length: 50 }, (_, i) => headers(2 * i + 1))));
  await turn();
  assert.ok(socket.writableLength < 400_000, `${socket.writableLength} bytes`);
  for (
    let i = 0;
    i < 1000 && socket.frames.filter((f) => (f.flags & END_STREAM) !== 0 && f.type === HEADERS).length < 50;
    i++
  ) {
    socket.goOn();
    await turn();
  }
  const bytes = socket.frames.filter((f) => f.type === DATA).reduce((sum, f) => sum + f.payload.length, 0);
  assert.equal(bytes, 50 * 100_000);
});

test("a reply of many megabytes leaves others their turn", async () => {
  const socket = serve((stream) => {
    stream.sink = { data() {}, aborted() {}, end: () => stream.reply(HEAD, Buffer.alloc(8 * 2 ** 20), undefined) };
  });
  await turn();
  socket.push(headers(1));
  await new Promise((resolve) => process.nextTick(resolve));
  const sent = (): number => socket.frames.filter((f) => f.type === DATA).reduce((sum, f) => sum + f.payload.length, 0);
  const first = sent();
  assert.ok(first < 3 * 2 ** 20, `${first} bytes in the first turn`);
  for (let i = 0; i < 100 && sent() < 8 * 2 ** 20; i++) await turn();
  assert.equal(sent(), 8 * 2 ** 20);
});

test("any stream of bytes will do", async () => {
  const [client, socket] = duplexPair();
  const server = new Http2Server({ onRequest: answerAtEnd, meter: silentMeter, logger: silentLogger });
  server.accept(socket, "pair");
  const frames: Frame[] = [];
  const splitter = new FrameSplitter();
  client.on("data", (chunk: Buffer) => frames.push(...splitter.push(chunk)));
  client.write(Buffer.concat([...BEGINNING, headers(1)]));
  while (!frames.some((f) => f.type === DATA)) await once(client, "data");
  client.destroy();
  server.destroy();
});

test("a socket that is closed already is not served", async () => {
  const socket = new Recorder();
  socket.destroy();
  const server = new Http2Server({ onRequest: answerAtEnd, meter: silentMeter, logger: silentLogger });
  server.accept(socket, "");
  await turn();
  assert.equal(server.connections, 0);
});

test("a slow client gets the whole of its last reply from a server that stops, one that stopped reading does not", async () => {
  const tick = { run: (): void => {} };
  const server = new Http2Server({
    onRequest: answerAtEnd,
    meter: silentMeter,
    logger: silentLogger,
    limits: { lingerMs: 100, stallMs: 10_000 },
    timers: {
      after: (_ms, action) => {
        tick.run = action;
        return () => {};
      },
    },
  });
  const slow = new Recorder();
  const dead = new Recorder();
  for (const socket of [slow, dead]) {
    server.accept(socket, "", Buffer.concat(BEGINNING));
    await turn();
    socket.slow = true;
    socket.push(headers(1));
    await turn();
  }
  void server.close();
  const wait = async (ticks: number): Promise<void> => {
    for (let i = 0; i < ticks; i++) {
      tick.run();
      await turn();
    }
  };
  await wait(100);
  assert.deepEqual([slow.destroyed, dead.destroyed], [false, false]);
  slow.slow = false;
  slow.goOn();
  await turn();
  assert.equal(Buffer.from(slow.frames.find((f) => f.type === DATA)?.payload ?? []).toString(), "ok");
  assert.equal(slow.writableFinished, true);
  await wait(400);
  assert.deepEqual([slow.destroyed, dead.destroyed], [true, true]);
});
