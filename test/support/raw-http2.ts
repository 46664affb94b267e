// A client of HTTP/2 that sends any frames, right or wrong, and shows what comes back; and a server to talk to, with a record
// of what it counted and logged.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  RST_STREAM,
  readUint32,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../src/http2/frames.ts";
import type { HeaderFields } from "../../src/http2/header-fields.ts";
import { HpackDecoder } from "../../src/http2/hpack-decoder.ts";
import { encodeFields } from "../../src/http2/hpack-encoder.ts";
import type { Http2Limits } from "../../src/http2/http2-limits.ts";
import { Http2Server } from "../../src/http2/http2-server.ts";
import type { ServerStream } from "../../src/http2/server-stream.ts";
import { type Frame, FrameSplitter, frame, settingsPayload, uint32 } from "../fuzz/http2-frames.ts";

export const HEAD: Uint8Array = encodeFields([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);
export const TRAILERS: Uint8Array = encodeFields([["grpc-status", "0"]]);
export const REQUEST: readonly (readonly [string, string])[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/test"],
  [":authority", "localhost"],
];

/** How long a test waits for what has to come, in milliseconds. */
const PATIENCE_MS = 20_000;

/** A server on a free port. */
export class TestHttp2Server implements AsyncDisposable {
  readonly http2: Http2Server;
  readonly lines: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  readonly counts: { name: string; labels: Readonly<Record<string, string>> | undefined }[] = [];
  /** The server's ends of the connections. */
  readonly sockets: Socket[] = [];
  readonly #listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    this.sockets.push(socket);
    this.http2.accept(socket, socket.remoteAddress ?? "");
  });

  private constructor(onRequest: (stream: ServerStream) => void, limits: Partial<Http2Limits>) {
    const note = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      this.lines.push({ fields, message });
    };
    this.http2 = new Http2Server({
      onRequest,
      limits,
      logger: { ...silentLogger, warn: note, error: note },
      meter: { ...silentMeter, count: (name, _value, labels) => void this.counts.push({ name, labels }) },
    });
  }

  static async start(
    onRequest: (stream: ServerStream) => void = answerAtEnd,
    limits: Partial<Http2Limits> = {},
  ): Promise<TestHttp2Server> {
    const server = new TestHttp2Server(onRequest, limits);
    server.#listener.listen(0, "127.0.0.1");
    await once(server.#listener, "listening");
    return server;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.http2.destroy();
    this.#listener.close();
    await until(() => this.http2.connections === 0);
  }
}

/** Answers each request with 200 and "ok" when all of it has come. */
export function answerAtEnd(stream: ServerStream): void {
  stream.sink = {
    data: (chunk) => stream.consumed(chunk.length),
    end: () => stream.reply(HEAD, Buffer.from("ok"), TRAILERS),
    aborted: () => {},
  };
}

/** Waits until something holds. */
export async function until(condition: () => boolean, what = "something that has to come"): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`);
    await sleep(2);
  }
}

/** One connection. Frames can be waited for in any order; each is taken once. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** Frames that came and were not taken yet. */
  readonly frames: Frame[] = [];
  /** Chunks as the socket delivered them. */
  readonly chunks: Buffer[] = [];
  closed = false;
  readonly #splitter = new FrameSplitter();
  readonly #decoder = new HpackDecoder(1 << 20);
  #pings = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.frames.push(...this.#splitter.push(chunk));
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Connects without a word. */
  static async connect({ port }: { readonly port: number }): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Connects, and gets the first exchange over with. */
  static async open(
    server: { readonly port: number },
    settings: readonly (readonly [id: number, value: number])[] = [],
  ): Promise<RawClient> {
    const client = await RawClient.connect(server);
    client.send(PREFACE, frame(SETTINGS, 0, 0, settingsPayload(settings)), frame(SETTINGS, ACK, 0, new Uint8Array(0)));
    await client.take((f) => f.type === SETTINGS && f.flags === ACK);
    await client.take((f) => f.type === SETTINGS);
    client.frames.length = 0; // The window of the connection.
    return client;
  }

  /** Sends all of it in one write. */
  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next frame that is as wanted; the ones before it stay. */
  async take(wanted: (frame: Frame) => boolean, what = "a frame"): Promise<Frame> {
    let at = -1;
    await until(() => {
      at = this.frames.findIndex(wanted);
      return at !== -1 || this.closed;
    }, what);
    const [found] = this.frames.splice(at, 1);
    if (at === -1 || found === undefined) throw new Error(`the connection was closed before ${what} came`);
    return found;
  }

  /** The fields that a HEADERS frame of the server brought. */
  fields({ payload }: Frame): HeaderFields {
    const fields = this.#decoder.decode(payload);
    if (fields === undefined) throw new Error("a header list that is too long");
    return fields;
  }

  /** A whole reply: the status, the body, and the trailers if there were some. */
  async reply(streamId: number): Promise<{ status: string; body: Buffer; trailers: HeaderFields | undefined }> {
    const head = await this.take(
      (f) => f.streamId === streamId && f.type === HEADERS,
      `the head of stream ${streamId}`,
    );
    const body: Uint8Array[] = [];
    let last = head;
    while ((last.flags & END_STREAM) === 0) {
      last = await this.take((f) => f.streamId === streamId && (f.type === DATA || f.type === HEADERS), "the rest");
      if (last.type === DATA) body.push(last.payload);
    }
    const trailers = last !== head && last.type === HEADERS ? this.fields(last) : undefined;
    return { status: statusOf(head.payload), body: Buffer.concat(body), trailers };
  }

  /** The error code of a stream that the server resets. */
  async reset(streamId: number): Promise<number> {
    const { payload } = await this.take((f) => f.streamId === streamId && f.type === RST_STREAM, "RST_STREAM");
    return readUint32(payload, 0);
  }

  /** What the server says when it ends the connection. */
  async goaway(): Promise<{ lastId: number; code: number }> {
    const { payload } = await this.take((f) => f.type === GOAWAY, "GOAWAY");
    return { lastId: readUint32(payload, 0), code: readUint32(payload, 4) };
  }

  /** Comes back when the server has acted on everything sent so far. */
  async roundTrip(): Promise<void> {
    const payload = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, ++this.#pings]);
    this.send(frame(PING, 0, 0, payload));
    await this.take((f) => f.type === PING && f.flags === ACK && f.payload[7] === payload[7], "an answer to PING");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** The status that a header block of the server begins with: an index of the static table, or a literal. */
function statusOf(block: Uint8Array): string {
  const known: Readonly<Record<number, string>> = {
    136: "200",
    137: "204",
    139: "304",
    140: "400",
    141: "404",
    142: "500",
  };
  return known[block[0] as number] ?? Buffer.from(block).toString("latin1", 2, 5);
}

// Frames.

export function headers(
  streamId: number,
  fields: readonly (readonly [string, string])[] = REQUEST,
  flags: number = END_HEADERS | END_STREAM,
): Uint8Array {
  return frame(HEADERS, flags, streamId, encodeFields(fields));
}

export function data(streamId: number, payload: Uint8Array, flags: number = END_STREAM): Uint8Array {
  return frame(DATA, flags, streamId, payload);
}

export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(WINDOW_UPDATE, 0, streamId, uint32(increment));
}

export function rstStream(streamId: number, code: number): Uint8Array {
  return frame(RST_STREAM, 0, streamId, uint32(code));
}
