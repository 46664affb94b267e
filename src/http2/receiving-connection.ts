// The connection as its receivers see it, and what they do about a stream on which the peer breaks a rule
// (RFC 9113, section 5.4.2).

import type { Allowances } from "./allowance.ts";
import { Http2Error } from "./http2-error.ts";
import type { Http2Limits } from "./http2-limits.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { Stream, StreamOwner } from "./stream.ts";
import type { Streams } from "./streams.ts";

export interface ReceivingConnection extends StreamOwner {
  readonly limits: Http2Limits;
  readonly allowances: Allowances;
  readonly streams: Streams;
  readonly receiveWindow: ReceiveWindow;
  /** False when the connection is over. */
  readonly reading: boolean;
  /** New streams are ignored: the last one has been announced. */
  readonly leaving: boolean;
  /** Whether it has been at work for so long that others should have their turn. */
  isTurnOver(): boolean;
  /** A call has begun. */
  request(stream: Stream): void;
  /** The peer answered our PING. */
  pong(): void;
  /** Sends RST_STREAM for a stream that has no call, or none any more. */
  refuse(streamId: number, code: number): void;
}

export function protocolError(message: string): Http2Error {
  return new Http2Error("PROTOCOL_ERROR", message);
}

/** Ends a stream on which the peer broke a rule. */
export function failStream(connection: ReceivingConnection, stream: Stream, code: number): void {
  refuseStream(connection, stream.id, code);
  stream.close({ code, message: "the client broke a rule of HTTP/2" });
}

/** The same for a stream without a call. */
export function refuseStream(connection: ReceivingConnection, streamId: number, code: number): void {
  connection.allowances.resets.spend();
  connection.refuse(streamId, code);
}

/** @throws Http2Error when nobody has opened such a stream. */
export function expectOpened({ streams, leaving }: ReceivingConnection, streamId: number): void {
  // While the server is leaving, the peer may have opened streams that were not looked at.
  const isIdle = streamId % 2 === 0 || (streamId > streams.lastId && !leaving);
  if (isIdle) throw protocolError("a frame on a stream that nobody opened");
}

/** The length of a frame's padding, in bytes. @throws Http2Error when it is longer than its frame. */
export function paddingOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) throw new Http2Error("FRAME_SIZE_ERROR", "a padded frame without the length of its padding");
  const length = bytes[start] as number;
  if (length >= end - start) throw protocolError("padding longer than its frame");
  return length;
}
