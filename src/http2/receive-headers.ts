// HEADERS and CONTINUATION (RFC 9113, sections 6.2 and 6.10): a request, or the trailers of one. Every header block is decoded,
// whatever becomes of it: later ones build on it.

import { END_HEADERS, END_STREAM, PADDED, PRIORITY_GIVEN, readUint31, WINDOW_DEFAULT } from "./frames.ts";
import { HeaderBlock } from "./header-block.ts";
import type { HeaderFields } from "./header-fields.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { encodeFields } from "./hpack-encoder.ts";
import { ERROR_CODES, Http2Error } from "./http2-error.ts";
import { endRequest } from "./receive-data.ts";
import {
  failStream,
  paddingOf,
  protocolError,
  type ReceivingConnection,
  refuseStream,
} from "./receiving-connection.ts";
import { Stream } from "./stream.ts";
import { ENDED, RESET_BY_PEER, RESET_HERE } from "./streams.ts";

/** What each request allows in frames that bring nothing forward. */
const IDLE_FRAMES_PER_REQUEST = 4;
const PRIORITY_BYTES = 5;
const HEADERS_TOO_LARGE: Uint8Array = encodeFields([[":status", "431"]]);

export class HeadersReceiver {
  /** Header blocks received in full. */
  blocks = 0;
  /** What each new stream may send. */
  initialSendWindow: number = WINDOW_DEFAULT;
  /** The peer knows our SETTINGS. */
  settingsKnown = false;

  readonly #connection: ReceivingConnection;
  readonly #decoder: HpackDecoder;
  #block: HeaderBlock | undefined = undefined;

  constructor(connection: ReceivingConnection) {
    this.#connection = connection;
    this.#decoder = new HpackDecoder(connection.limits.headerListBytesMax);
  }

  /** Whether a header block has begun and not ended. */
  get inBlock(): boolean {
    return this.#block !== undefined;
  }

  headers(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId % 2 === 0) throw protocolError("HEADERS on a stream that a client cannot open");
    let from = start;
    let to = end;
    if ((flags & PADDED) !== 0) {
      to -= paddingOf(bytes, start, end);
      from++;
    }
    let selfDependent = false;
    if ((flags & PRIORITY_GIVEN) !== 0) {
      if (to - from < PRIORITY_BYTES) throw new Http2Error("FRAME_SIZE_ERROR", "HEADERS too short for a priority");
      selfDependent = readUint31(bytes, from) === streamId;
      from += PRIORITY_BYTES;
    }
    const endStream = (flags & END_STREAM) !== 0;
    const block = bytes.subarray(from, to);
    if ((flags & END_HEADERS) !== 0) this.#complete(streamId, endStream, selfDependent, block);
    else this.#block = new HeaderBlock(this.#connection.limits, streamId, endStream, selfDependent, block);
  }

  continuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== streamId) throw protocolError("CONTINUATION without a header block");
    if (start === end) this.#connection.allowances.idleFrames.spend();
    block.add(bytes.subarray(start, end));
    if ((flags & END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#complete(streamId, block.endStream, block.selfDependent, block.whole());
  }

  #complete(streamId: number, endStream: boolean, selfDependent: boolean, block: Uint8Array): void {
    this.blocks++;
    const fields = this.#decoder.decode(block);
    const { streams, allowances, leaving } = this.#connection;
    const stream = streams.find(streamId);
    if (stream !== undefined) this.#trailers(stream, selfDependent ? undefined : fields, endStream);
    else if (streamId <= streams.lastId) this.#strayHeaders(streamId);
    else if (leaving) allowances.idleFrames.spend();
    else {
      streams.lastId = streamId;
      if (fields === undefined) this.#tooLarge(streamId, endStream);
      else if (selfDependent) refuseStream(this.#connection, streamId, ERROR_CODES.PROTOCOL_ERROR);
      else this.#request(streamId, fields, endStream);
    }
  }

  #request(streamId: number, fields: HeaderFields, endStream: boolean): void {
    const connection = this.#connection;
    const { streams, sender, limits, allowances } = connection;
    if (fields.invalidRequest() !== undefined) {
      refuseStream(connection, streamId, ERROR_CODES.PROTOCOL_ERROR);
      return;
    }
    const isFull = sender.waitingBytes > limits.unsentReplyBytesMax || sender.all.bytes > limits.allUnsentBytesMax;
    if (streams.size >= limits.streamsMax || isFull) {
      // Who does not know the limit yet cannot keep it.
      (this.settingsKnown ? allowances.resets : allowances.idleFrames).spend();
      connection.refuse(streamId, ERROR_CODES.REFUSED_STREAM);
      return;
    }
    const stream = new Stream(connection, streamId, fields, this.initialSendWindow);
    if (endStream && stream.bodyLeft > 0) {
      refuseStream(connection, streamId, ERROR_CODES.PROTOCOL_ERROR);
      return;
    }
    allowances.idleFrames.earn(IDLE_FRAMES_PER_REQUEST);
    streams.open(stream);
    connection.request(stream);
    if (endStream && !stream.closed) endRequest(connection, stream);
  }

  /** Trailers end a request. They say nothing to us, but have to be some. */
  #trailers(stream: Stream, fields: HeaderFields | undefined, endStream: boolean): void {
    const areTrailers = endStream && fields !== undefined && fields.invalidTrailers() === undefined;
    if (stream.requestEnded) failStream(this.#connection, stream, ERROR_CODES.STREAM_CLOSED);
    else if (!areTrailers || stream.bodyLeft > 0) failStream(this.#connection, stream, ERROR_CODES.PROTOCOL_ERROR);
    else endRequest(this.#connection, stream);
  }

  /** HEADERS on a stream that is not open any more. What was under way when we ended it is no fault. */
  #strayHeaders(streamId: number): void {
    const { streams, allowances } = this.#connection;
    const ending = streams.endingOf(streamId);
    if (ending === RESET_HERE) allowances.idleFrames.spend();
    else if (ending === RESET_BY_PEER) refuseStream(this.#connection, streamId, ERROR_CODES.STREAM_CLOSED);
    else if (ending === ENDED) throw new Http2Error("STREAM_CLOSED", "HEADERS on a stream that has ended");
    else throw protocolError("a new stream with an old identifier");
  }

  #tooLarge(streamId: number, endStream: boolean): void {
    const { output, allowances, streams } = this.#connection;
    allowances.resets.spend();
    output.headers(streamId, HEADERS_TOO_LARGE, true);
    if (endStream) streams.end(streamId, ENDED);
    else this.#connection.refuse(streamId, ERROR_CODES.NO_ERROR);
  }
}
