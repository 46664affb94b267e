// One connection of a client, from its preface to its end:
//
//   new ──preface, SETTINGS──▶ serving ──shutdown──▶ announcing ──PING answered──▶ leaving ──last stream──▶ over
//                                 └──────────error, time up, gone───────────────────────────────────────────▲
//
// When it is over a GOAWAY has been sent and the socket ended. What still comes is thrown away until the peer closes, for a
// short time: a socket that is closed with unread bytes would take the GOAWAY back. A peer that is still reading its last
// replies has longer.

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CONNECTION_KEEPALIVE_MS, READ_TURN_MS } from "../base/limits.ts";
import type { Logger, Meter } from "../base/observe.ts";
import { Allowances } from "./allowance.ts";
import { ConnectionWatch, type Overdue } from "./connection-watch.ts";
import { FrameReader } from "./frame-reader.ts";
import { GOAWAY, PING, PREFACE, RST_STREAM, WINDOW_MAX, writeUint32 } from "./frames.ts";
import { HpackError } from "./hpack-error.ts";
import { ERROR_CODES, type ErrorName, Http2Error } from "./http2-error.ts";
import type { Http2Limits } from "./http2-limits.ts";
import { Output } from "./output.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Receiver } from "./receiver.ts";
import type { ReceivingConnection } from "./receiving-connection.ts";
import { Sender, type WaitingBytes } from "./sender.ts";
import type { ServerStream, StreamAbort } from "./server-stream.ts";
import { ownSettings } from "./settings.ts";
import type { Stream } from "./stream.ts";
import { ENDED, RESET_HERE, Streams } from "./streams.ts";

/** What a connection needs of its server. */
export interface ConnectionOptions {
  readonly limits: Http2Limits;
  readonly meter: Meter;
  readonly logger: Logger;
  /** What waits to be sent on all connections of the server. */
  readonly waiting: WaitingBytes;
  onRequest(stream: ServerStream): void;
  /** The socket is closed. */
  onClose(connection: Connection): void;
}

const OVERDUE: Readonly<Record<Exclude<Overdue, "idle">, string>> = {
  preface: "no preface in time",
  headers: "a header block that does not end",
  output: "replies that are not read",
};

export class Connection implements ReceivingConnection {
  readonly peer: string;
  readonly limits: Http2Limits;
  readonly streamWindowBytes: number;
  readonly allowances: Allowances;
  readonly streams: Streams = new Streams();
  readonly output: Output;
  readonly sender: Sender;
  readonly receiveWindow: ReceiveWindow;
  reading = true;
  leaving = false;

  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #receiver: Receiver;
  readonly #reader: FrameReader;
  readonly #watch: ConnectionWatch;
  /** When the turn at hand began, in milliseconds. */
  #turnBegan = 0;
  /** Bytes of the preface that have come. */
  #prefaceBytes = 0;
  /** Whether output is flushed anyway: at the end of a read, or in the next tick. */
  #flushDue = false;
  #announcing = false;
  /** Streams whose reply is finished and whose request is not, with the time since, in milliseconds. */
  readonly #unread = new Map<Stream, number>();
  /** Since shutdown began, or since the connection is over, in milliseconds. */
  #waitedMs = 0;

  constructor(socket: Duplex, peer: string, options: ConnectionOptions) {
    this.#options = options;
    this.#socket = socket;
    this.peer = peer;
    this.limits = options.limits;
    this.streamWindowBytes = options.limits.streamWindowBytes;
    this.allowances = new Allowances(options.limits);
    this.output = new Output(socket);
    this.sender = new Sender(this.output, options.waiting, () => this.#flush());
    this.output.raw(ownSettings(options.limits));
    this.receiveWindow = new ReceiveWindow(this.output, options.limits.connectionWindowBytes);
    this.#receiver = new Receiver(this);
    this.#reader = new FrameReader(this.#receiver);
    this.#watch = new ConnectionWatch(options.limits);
  }

  /** Begins to serve, with bytes that were read already. */
  start(first: Uint8Array | undefined): void {
    const socket = this.#socket;
    if (socket instanceof Socket) {
      socket.setNoDelay(true);
      // A call may wait for long, and would for ever if its client's machine was switched off.
      socket.setKeepAlive(true, CONNECTION_KEEPALIVE_MS);
    }
    socket.on("drain", () => {
      this.output.drained();
      this.#flush();
    });
    socket.on("end", () => this.#gone());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#gone();
      this.#options.onClose(this);
    });
    this.wake();
    if (first !== undefined && first.length > 0) {
      this.#read(Buffer.from(first.buffer, first.byteOffset, first.byteLength));
    }
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  // What streams and the receiver ask for.

  credit(bytes: number): void {
    if (bytes > 0 && this.receiveWindow.credit(bytes)) this.wake();
  }

  wake(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(flushLater, this);
  }

  request(stream: Stream): void {
    try {
      this.#options.onRequest(stream);
    } catch (error) {
      this.failed(stream, error);
    }
  }

  failed(stream: Stream, error: unknown): void {
    this.#options.logger.error({ peer: this.peer, err: error }, "a call failed unexpectedly");
    stream.reset(ERROR_CODES.INTERNAL_ERROR);
  }

  finished(stream: Stream): void {
    if (!stream.requestEnded) {
      this.#unread.set(stream, 0);
      return;
    }
    if (this.#unread.size > 0) this.#unread.delete(stream);
    this.streams.end(stream.id, ENDED);
    stream.close(undefined);
  }

  reset(stream: Stream, code: number): void {
    this.refuse(stream.id, code);
    stream.close(undefined);
  }

  refuse(streamId: number, code: number): void {
    this.output.number(RST_STREAM, streamId, code);
    this.streams.end(streamId, RESET_HERE);
  }

  pong(): void {
    if (this.#announcing) this.#leave();
  }

  // What the server asks for.

  /** Lets the calls under way end; new ones find another connection. */
  shutdown(): void {
    if (!this.reading || this.#announcing || this.leaving) return;
    if (!this.#receiver.begun) {
      this.#end("NO_ERROR", "the server stops");
      return;
    }
    // Calls that are on their way are still served: the peer answers the PING after it has read the GOAWAY.
    this.#announcing = true;
    this.#waitedMs = 0;
    this.#goaway(WINDOW_MAX, ERROR_CODES.NO_ERROR);
    this.output.control(PING, 0, 0, new Uint8Array(8));
    this.wake();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** So much time has passed. */
  tick(ms: number): void {
    this.#waitedMs += ms;
    if (!this.reading) {
      const mayBeReading = this.leaving && this.#socket.writableLength > 0;
      if (this.#waitedMs > (mayBeReading ? this.limits.stallMs : this.limits.lingerMs)) this.#socket.destroy();
      return;
    }
    if (this.#announcing && this.#waitedMs > this.limits.lingerMs) this.#leave();
    this.allowances.passed(ms);
    this.#endUnread(ms);
    this.#endSlow(ms);
    const overdue = this.#watch.tick(ms, {
      begun: this.#receiver.begun,
      inBlock: this.#receiver.headers.inBlock || this.#reader.inHeaders,
      blocks: this.#receiver.headers.blocks,
      calls: this.streams.size,
      waits: this.output.blocked || this.sender.waitingBytes > 0,
      sent: this.output.drains + this.sender.frames,
    });
    if (overdue === "idle") this.shutdown();
    else if (overdue !== undefined) this.#punish("ENHANCE_YOUR_CALM", OVERDUE[overdue]);
  }

  /** Called in the tick after something was put into the output. */
  flushLater(): void {
    this.#flushDue = false;
    this.#flush();
  }

  isTurnOver(): boolean {
    return performance.now() - this.#turnBegan > READ_TURN_MS;
  }

  #read(chunk: Buffer): void {
    if (!this.reading) return;
    this.#watch.heard = true;
    this.#act(chunk, 0);
  }

  /** Acts on what was read, from `from` on. Calls that come together may be much work: then others have their turn between. */
  #act(chunk: Buffer, from: number): void {
    this.#turnBegan = performance.now();
    this.#flushDue = true;
    let at = chunk.length;
    try {
      at = this.#reader.push(chunk, this.#prefaceBytes === PREFACE.length ? from : this.#readPreface(chunk));
      if (this.output.unreadFrames > this.limits.unreadControlFramesMax) {
        throw new Http2Error("ENHANCE_YOUR_CALM", "too many frames that are not read");
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#flushDue = false;
    this.#flush();
    if (at < chunk.length && this.reading) this.#actLater(chunk, at);
  }

  #actLater(chunk: Buffer, at: number): void {
    this.#socket.pause();
    setImmediate(() => {
      if (!this.reading) return;
      this.#socket.resume();
      this.#act(chunk, at);
    });
  }

  #readPreface(chunk: Buffer): number {
    const length = Math.min(chunk.length, PREFACE.length - this.#prefaceBytes);
    for (let i = 0; i < length; i++) {
      if (chunk[i] !== PREFACE[this.#prefaceBytes + i]) throw new Http2Error("PROTOCOL_ERROR", "no preface of HTTP/2");
    }
    this.#prefaceBytes += length;
    return length;
  }

  #flush(): void {
    if (!this.reading) return;
    try {
      this.sender.pump();
    } catch (error) {
      this.#failed(error);
    }
    this.output.flush();
    if (this.leaving && this.streams.size === 0) this.#over();
  }

  /** Ends the streams that have been answered and whose requests neither go on nor end. */
  #endUnread(ms: number): void {
    for (const [stream, waitedMs] of this.#unread) {
      if (stream.closed) this.#unread.delete(stream);
      else if (waitedMs + ms > this.limits.unreadRequestMs) stream.reset(ERROR_CODES.NO_ERROR);
      else this.#unread.set(stream, waitedMs + ms);
    }
  }

  /** Ends the streams whose message comes too slowly. */
  #endSlow(ms: number): void {
    for (const stream of this.streams) {
      if (!stream.isSlow(ms, this.limits)) continue;
      this.refuse(stream.id, ERROR_CODES.CANCEL);
      stream.close({ code: ERROR_CODES.CANCEL, message: "the message came too slowly" });
      this.wake();
    }
  }

  #leave(): void {
    this.#announcing = false;
    this.leaving = true;
    this.#goaway(this.streams.lastId, ERROR_CODES.NO_ERROR);
    this.wake();
  }

  #goaway(lastId: number, code: number): void {
    const payload = new Uint8Array(8);
    writeUint32(payload, 0, lastId);
    writeUint32(payload, 4, code);
    this.output.control(GOAWAY, 0, 0, payload);
  }

  #failed(error: unknown): void {
    if (error instanceof Http2Error) this.#punish(error.code, error.message);
    else if (error instanceof HpackError) this.#punish("COMPRESSION_ERROR", error.message);
    else if (this.#end("INTERNAL_ERROR", "a fault of the server")) {
      this.#options.logger.error({ peer: this.peer, err: error }, "a call on an HTTP/2 connection failed unexpectedly");
    }
  }

  /** Ends the connection because of what its peer did. */
  #punish(code: ErrorName, message: string): void {
    if (!this.#end(code, message)) return;
    this.#options.logger.warn({ peer: this.peer, code }, `HTTP/2 connection ended: ${message}`);
  }

  /** Ends the connection at once. Returns false when it has ended already. */
  #end(code: ErrorName, message: string): boolean {
    if (!this.reading) return false;
    this.#goaway(this.streams.lastId, ERROR_CODES[code]);
    this.#over();
    this.#abort({ code: ERROR_CODES[code], message });
    if (code !== "NO_ERROR") this.#options.meter.count("immudb_ts_http2_connections_failed_total", 1, { code });
    return true;
  }

  /** The peer has gone. */
  #gone(): void {
    if (!this.reading) return;
    this.#over();
    this.#abort({ code: ERROR_CODES.CANCEL, message: "the connection was lost" });
  }

  #over(): void {
    this.output.flush();
    this.reading = false;
    this.#waitedMs = 0;
    this.#socket.end();
  }

  #abort(reason: StreamAbort): void {
    for (const stream of this.streams) {
      this.streams.end(stream.id, RESET_HERE);
      stream.close(reason);
    }
  }
}

function flushLater(connection: Connection): void {
  connection.flushLater();
}
