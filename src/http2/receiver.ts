// Acts on the frames of a peer (RFC 9113, section 6). Throws Http2Error for what ends the connection; what concerns one stream
// ends that stream. The first frame has to be SETTINGS, and a header block that has begun is followed by its rest alone.

import type { FrameTarget } from "./frame-reader.ts";
import {
  ACK,
  CONTINUATION,
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  readUint31,
  SETTINGS,
  WINDOW_MAX,
  WINDOW_UPDATE,
} from "./frames.ts";
import { ERROR_CODES, Http2Error } from "./http2-error.ts";
import { receiveData } from "./receive-data.ts";
import { HeadersReceiver } from "./receive-headers.ts";
import { expectOpened, failStream, protocolError, type ReceivingConnection } from "./receiving-connection.ts";
import { readSettings } from "./settings.ts";
import { RESET_BY_PEER } from "./streams.ts";

/** What each DATA frame that the peer had to read allows in frames that bring nothing forward. */
const IDLE_FRAMES_PER_DATA = 3;
const NOTHING: Uint8Array = new Uint8Array(0);

export class Receiver implements FrameTarget {
  /** The peer's SETTINGS have come. */
  begun = false;
  readonly headers: HeadersReceiver;

  readonly #connection: ReceivingConnection;
  /** DATA frames sent when the last WINDOW_UPDATE came. */
  #framesSeen = 0;

  constructor(connection: ReceivingConnection) {
    this.#connection = connection;
    this.headers = new HeadersReceiver(connection);
  }

  get reading(): boolean {
    return this.#connection.reading;
  }

  isTurnOver(): boolean {
    return this.#connection.isTurnOver();
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (!this.begun) this.#expectSettings(type, flags);
    if (this.headers.inBlock && type !== CONTINUATION) throw protocolError("a header block that is interrupted");
    if (type === DATA) receiveData(this.#connection, flags, streamId, bytes, start, end);
    else if (type === HEADERS) this.headers.headers(flags, streamId, bytes, start, end);
    else if (type === CONTINUATION) this.headers.continuation(flags, streamId, bytes, start, end);
    else if (type === WINDOW_UPDATE) this.#windowUpdate(streamId, bytes, start, end);
    else if (type === PING) this.#ping(flags, streamId, bytes, start, end);
    else if (type === RST_STREAM) this.#rstStream(streamId, bytes, start, end);
    else if (type === SETTINGS) this.#settings(flags, streamId, bytes, start, end);
    else if (type === PRIORITY) this.#priority(streamId, bytes, start, end);
    else if (type === GOAWAY) this.#goaway(streamId, end - start);
    else if (type === PUSH_PROMISE) throw protocolError("PUSH_PROMISE from a client");
    else this.#connection.allowances.idleFrames.spend(); // An extension that was not agreed on is ignored.
  }

  #expectSettings(type: number, flags: number): void {
    if (type !== SETTINGS || (flags & ACK) !== 0) throw protocolError("a preface without SETTINGS");
    this.begun = true;
  }

  #settings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError("SETTINGS of a stream");
    const { allowances, output } = this.#connection;
    allowances.settings.spend();
    if ((flags & ACK) === 0) {
      const window = readSettings(bytes, start, end);
      output.control(SETTINGS, ACK, 0, NOTHING);
      if (window !== undefined) this.#resizeWindows(window);
    } else {
      if (start !== end) throw new Http2Error("FRAME_SIZE_ERROR", "an acknowledgement with SETTINGS");
      this.headers.settingsKnown = true;
    }
  }

  /** The peer has changed what every stream may send, the open ones too. */
  #resizeWindows(window: number): void {
    const grown = window - this.headers.initialSendWindow;
    this.headers.initialSendWindow = window;
    for (const stream of this.#connection.streams) {
      stream.sendWindow += grown;
      if (stream.sendWindow > WINDOW_MAX) throw new Http2Error("FLOW_CONTROL_ERROR", "a window that is too large");
      this.#connection.sender.unblock(stream);
    }
  }

  #windowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    expectLength(end - start, 4, "WINDOW_UPDATE");
    const { sender, streams, allowances } = this.#connection;
    allowances.idleFrames.earn((sender.frames - this.#framesSeen) * IDLE_FRAMES_PER_DATA);
    allowances.idleFrames.spend();
    this.#framesSeen = sender.frames;
    const increment = readUint31(bytes, start);
    if (streamId === 0) {
      if (increment === 0) throw protocolError("a window that grows by nothing");
      sender.window += increment;
      if (sender.window > WINDOW_MAX) throw new Http2Error("FLOW_CONTROL_ERROR", "a window that is too large");
      return;
    }
    const stream = streams.find(streamId);
    if (stream === undefined) {
      expectOpened(this.#connection, streamId);
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) failStream(this.#connection, stream, ERROR_CODES.PROTOCOL_ERROR);
    else if (stream.sendWindow > WINDOW_MAX) failStream(this.#connection, stream, ERROR_CODES.FLOW_CONTROL_ERROR);
    else sender.unblock(stream);
  }

  #ping(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError("PING of a stream");
    expectLength(end - start, 8, "PING");
    if ((flags & ACK) === 0) this.#connection.output.control(PING, ACK, 0, bytes.subarray(start, end));
    else this.#connection.pong();
  }

  #rstStream(streamId: number, bytes: Buffer, start: number, end: number): void {
    expectLength(end - start, 4, "RST_STREAM");
    const { streams, allowances } = this.#connection;
    const stream = streams.find(streamId);
    if (stream === undefined) {
      expectOpened(this.#connection, streamId);
      allowances.idleFrames.spend();
      return;
    }
    if (stream.isFinished) allowances.idleFrames.spend();
    else allowances.resets.spend();
    streams.end(streamId, RESET_BY_PEER);
    stream.close({ code: readUint31(bytes, start), message: "the client gave up" });
  }

  /** Priorities mean nothing any more (RFC 9113, section 5.3.2), but still have their form. */
  #priority(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError("PRIORITY without a stream");
    const { streams, allowances } = this.#connection;
    allowances.idleFrames.spend();
    const isWrongLength = end - start !== 5;
    if (!isWrongLength && readUint31(bytes, start) !== streamId) return;
    const code = isWrongLength ? "FRAME_SIZE_ERROR" : "PROTOCOL_ERROR";
    const stream = streams.find(streamId);
    if (stream === undefined) throw new Http2Error(code, "PRIORITY of a wrong form");
    failStream(this.#connection, stream, ERROR_CODES[code]);
  }

  /** It speaks of streams that a server opens, and there are none. The peer closes when it has its answers. */
  #goaway(streamId: number, length: number): void {
    if (streamId !== 0) throw protocolError("GOAWAY of a stream");
    if (length < 8) throw new Http2Error("FRAME_SIZE_ERROR", "GOAWAY of a wrong length");
    this.#connection.allowances.idleFrames.spend();
  }
}

function expectLength(length: number, expected: number, name: string): void {
  if (length !== expected) throw new Http2Error("FRAME_SIZE_ERROR", `${name} of a wrong length`);
}
