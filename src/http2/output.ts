// What leaves a connection. Frames are gathered in one buffer until they are flushed, in one write of the socket; a long body
// is not copied, but stands between two pieces of the buffer:
//
//   buffer  ├─ sent, perhaps still with the kernel ─┼─ gathered ─┼─ room ─┤
//                                                   start        at
//   pieces  earlier pieces and long bodies of the same flush
//
// When the kernel took everything at once the buffer is used again from its beginning.

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_MAX,
  HEADERS,
  writeFrameHeader,
  writeUint32,
} from "./frames.ts";

const BUFFER_BYTES_MIN = 4 * 1024;
const BUFFER_BYTES_MAX = 64 * 1024;
/** Bodies up to here are copied: one more piece in a write costs more. */
const COPIED_BYTES_MAX = 4 * 1024;

export class Output {
  /** The peer does not read as fast as is written: until `drained`, bodies have to wait. */
  blocked = false;
  /** Control frames and headers written while blocked. */
  unreadFrames = 0;
  /** How often the peer has read everything after it had not. */
  drains = 0;

  readonly #socket: Duplex;
  /** Whether the socket is done with a buffer when nothing is left to write. Other streams may hand it on. */
  readonly #copies: boolean;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #at = 0;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#copies = socket instanceof Socket;
  }

  /** Bytes that the next flush sends. */
  get gatheredBytes(): number {
    return this.#pieceBytes + this.#at - this.#start;
  }

  /** The peer goes on reading. */
  drained(): void {
    this.blocked = false;
    this.unreadFrames = 0;
    this.drains++;
  }

  /** A header block, as HEADERS and as many CONTINUATIONs as it needs. */
  headers(streamId: number, block: Uint8Array, endStream: boolean): void {
    if (this.blocked) this.unreadFrames++;
    const flags = endStream ? END_STREAM : 0;
    if (block.length <= FRAME_PAYLOAD_MAX) {
      this.#frame(block.length, HEADERS, flags | END_HEADERS, streamId);
      this.#copy(block);
      return;
    }
    let type = HEADERS;
    for (let at = 0; at < block.length; at += FRAME_PAYLOAD_MAX) {
      const part = block.subarray(at, at + FRAME_PAYLOAD_MAX);
      const last = at + part.length === block.length ? END_HEADERS : 0;
      this.#frame(part.length, type, type === HEADERS ? flags | last : last, streamId);
      this.#copy(part);
      type = CONTINUATION;
    }
  }

  /** One DATA frame with the bytes of a body from `start` to before `end`, FRAME_PAYLOAD_MAX at most. */
  data(streamId: number, body: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.#frame(end - start, DATA, endStream ? END_STREAM : 0, streamId);
    const part = start === 0 && end === body.length ? body : body.subarray(start, end);
    if (part.length <= COPIED_BYTES_MAX) this.#copy(part);
    else this.#attach(part);
  }

  /** A frame of any type with a short payload. */
  control(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    if (this.blocked) this.unreadFrames++;
    this.#frame(payload.length, type, flags, streamId);
    this.#copy(payload);
  }

  /** A frame whose payload is one number: WINDOW_UPDATE, RST_STREAM. */
  number(type: number, streamId: number, value: number): void {
    if (this.blocked) this.unreadFrames++;
    this.#frame(4, type, 0, streamId);
    this.#reserve(4);
    writeUint32(this.#buffer, this.#at, value);
    this.#at += 4;
  }

  /** Bytes that are frames already. */
  raw(frames: Uint8Array): void {
    this.#copy(frames);
  }

  /** Writes what was gathered. */
  flush(): void {
    const socket = this.#socket;
    if (this.gatheredBytes === 0) return;
    if (!socket.writable) {
      this.#drop();
      return;
    }
    if (this.#pieces.length === 0) {
      const chunk = this.#buffer.subarray(this.#start, this.#at);
      this.#start = this.#at;
      socket.write(chunk);
    } else {
      this.#cut();
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#pieceBytes = 0;
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    }
    if (socket.writableLength > 0) this.blocked = socket.writableNeedDrain;
    else if (this.#copies) this.#start = this.#at = 0;
  }

  #frame(length: number, type: number, flags: number, streamId: number): void {
    this.#reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(this.#buffer, this.#at, length, type, flags, streamId);
    this.#at += FRAME_HEADER_BYTES;
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #attach(bytes: Uint8Array): void {
    this.#cut();
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.length;
  }

  /** Makes a piece of what the buffer has gathered. */
  #cut(): void {
    if (this.#at === this.#start) return;
    this.#pieces.push(this.#buffer.subarray(this.#start, this.#at));
    this.#pieceBytes += this.#at - this.#start;
    this.#start = this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    this.#cut();
    const size = Math.min(this.#buffer.length * 2, BUFFER_BYTES_MAX);
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(size, bytes, BUFFER_BYTES_MIN));
    this.#start = this.#at = 0;
  }

  #drop(): void {
    this.#start = this.#at;
    this.#pieces = [];
    this.#pieceBytes = 0;
  }
}
