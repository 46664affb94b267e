// Sends the bodies of replies as far as the windows of the peer and the socket allow (RFC 9113, section 5.2). What fits goes
// out at once. The rest waits on its stream, and streams with something to send take turns, a frame each:
//
//   ready ──window of the stream used up──▶ set aside ──WINDOW_UPDATE, SETTINGS──▶ ready
//
// A used up window of the connection, or a socket whose peer does not read, stops all of them.

import { FRAME_PAYLOAD_MAX, WINDOW_DEFAULT } from "./frames.ts";
import type { Output } from "./output.ts";
import type { Stream } from "./stream.ts";

/** What is gathered before it is written. */
const GATHERED_BYTES_MAX = 256 * 1024;
/** Longer bodies take turns. */
const DIRECT_BYTES_MAX = 64 * 1024;
/** What one connection sends before others have their turn. */
const TURN_BYTES_MAX = 1024 * 1024;
/** What may wait on a stream before its writer is asked to pause. */
const WRITER_BYTES_MAX = 64 * 1024;

const EMPTY = new Uint8Array(0);

/** The part of a reply's body that could not be sent at once: never empty. */
export class WaitingBody {
  readonly pieces: Uint8Array[] = [];
  /** How much of the first piece is gone. */
  offset = 0;
  bytes = 0;
  ended = false;
  trailers: Uint8Array | undefined = undefined;
  /** Whether the writer waits for ondrain. */
  promised = false;
}

/** What waits to be sent on all connections of a server. */
export interface WaitingBytes {
  bytes: number;
}

export class Sender {
  /** Bytes that the connection may send. */
  window: number = WINDOW_DEFAULT;
  /** Bytes that wait, of all streams. */
  waitingBytes = 0;
  /** The same of all connections. */
  readonly all: WaitingBytes;
  /** DATA frames sent so far. */
  frames = 0;

  readonly #output: Output;
  readonly #nextTurn: () => void;
  readonly #ready = new Set<Stream>();
  #turnDue = false;

  /** @param all shared by the connections of a server. @param flush called when it is this connection's turn again: pump, and write what is gathered. */
  constructor(output: Output, all: WaitingBytes, flush: () => void) {
    this.#output = output;
    this.all = all;
    this.#nextTurn = (): void => {
      this.#turnDue = false;
      flush();
    };
  }

  /** Sends a piece of a body, or keeps what cannot be sent. Returns whether everything, end and trailers too, is gone. */
  send(stream: Stream, body: Uint8Array, ended: boolean, trailers: Uint8Array | undefined): boolean {
    const { length } = body;
    if (stream.waiting !== undefined || !this.#fits(stream, length)) {
      this.#wait(stream, body, ended, trailers);
      return false;
    }
    const output = this.#output;
    this.window -= length;
    stream.sendWindow -= length;
    let at = 0;
    for (; length - at > FRAME_PAYLOAD_MAX; at += FRAME_PAYLOAD_MAX) {
      output.data(stream.id, body, at, at + FRAME_PAYLOAD_MAX, false);
      this.frames++;
    }
    if (length > 0) {
      output.data(stream.id, body, at, length, ended && trailers === undefined);
      this.frames++;
    }
    if (trailers !== undefined) output.headers(stream.id, trailers, true);
    return ended;
  }

  /** Ends a body that was sent in pieces. Returns whether the end is gone, too. */
  end(stream: Stream, trailers: Uint8Array | undefined): boolean {
    const { waiting } = stream;
    if (waiting !== undefined) {
      waiting.ended = true;
      waiting.trailers = trailers;
      return false;
    }
    if (trailers !== undefined) this.#output.headers(stream.id, trailers, true);
    else this.#output.data(stream.id, EMPTY, 0, 0, true);
    return true;
  }

  /** Whether a writer may go on; if not, its ondrain will be called. */
  hasRoom({ waiting }: Stream): boolean {
    if (waiting === undefined || waiting.bytes < WRITER_BYTES_MAX) return true;
    waiting.promised = true;
    return false;
  }

  /** The window of a stream has grown. */
  unblock(stream: Stream): void {
    if (stream.waiting !== undefined && stream.sendWindow > 0) this.#ready.add(stream);
  }

  /** A stream is closed: what waits on it is not sent. */
  forget(stream: Stream): void {
    if (stream.waiting === undefined) return;
    this.#count(-stream.waiting.bytes);
    stream.waiting = undefined;
    this.#ready.delete(stream);
  }

  /** Sends what waits, as far as it can go now. The last of it is gathered, not yet written. */
  pump(): void {
    if (this.#ready.size === 0 || this.#turnDue) return;
    let turnBytes = 0;
    // A stream that has had its turn stands at the end again, and is met again.
    for (const stream of this.#ready) {
      if (this.#output.gatheredBytes >= GATHERED_BYTES_MAX) this.#output.flush();
      if (this.#output.blocked || this.window <= 0) return;
      if (turnBytes >= TURN_BYTES_MAX) {
        this.#turnDue = true;
        setImmediate(this.#nextTurn);
        return;
      }
      this.#ready.delete(stream);
      if (stream.sendWindow > 0) turnBytes += this.#sendFrame(stream, stream.waiting as WaitingBody);
    }
  }

  #count(bytes: number): void {
    this.waitingBytes += bytes;
    this.all.bytes += bytes;
  }

  /** Whether a body may pass without waiting, and without passing others. */
  #fits(stream: Stream, length: number): boolean {
    if (length === 0) return true;
    return (
      length <= this.window &&
      length <= stream.sendWindow &&
      length <= DIRECT_BYTES_MAX &&
      this.#ready.size === 0 &&
      !this.#output.blocked &&
      this.#output.gatheredBytes < GATHERED_BYTES_MAX
    );
  }

  #wait(stream: Stream, body: Uint8Array, ended: boolean, trailers: Uint8Array | undefined): void {
    const waiting = stream.waiting ?? new WaitingBody();
    stream.waiting = waiting;
    waiting.pieces.push(body);
    waiting.bytes += body.length;
    waiting.ended = ended;
    waiting.trailers = trailers;
    this.#count(body.length);
    if (stream.sendWindow > 0) this.#ready.add(stream);
  }

  /** One DATA frame of what waits on a stream, and its end when that was all. Returns the length. */
  #sendFrame(stream: Stream, waiting: WaitingBody): number {
    const piece = waiting.pieces[0] as Uint8Array;
    const start = waiting.offset;
    const length = Math.min(FRAME_PAYLOAD_MAX, this.window, stream.sendWindow, piece.length - start);
    const isLast = length === waiting.bytes;
    const endStream = isLast && waiting.ended;
    this.#output.data(stream.id, piece, start, start + length, endStream && waiting.trailers === undefined);
    this.frames++;
    this.window -= length;
    stream.sendWindow -= length;
    this.#count(-length);
    waiting.bytes -= length;
    waiting.offset += length;
    if (waiting.offset === piece.length) {
      waiting.pieces.shift();
      waiting.offset = 0;
    }
    if (isLast) stream.waiting = undefined;
    else this.#ready.add(stream);
    if (endStream) {
      if (waiting.trailers !== undefined) this.#output.headers(stream.id, waiting.trailers, true);
      stream.finish();
    } else if (waiting.promised && waiting.bytes * 2 < WRITER_BYTES_MAX) {
      waiting.promised = false;
      stream.drain();
    }
    return length;
  }
}
