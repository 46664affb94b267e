// DATA (RFC 9113, section 6.1): a piece of a request's body. All of the payload counts against the windows, padding too;
// padding is given back at once, the body when its receiver says so.

import { END_STREAM, PADDED } from "./frames.ts";
import { ERROR_CODES } from "./http2-error.ts";
import {
  expectOpened,
  failStream,
  paddingOf,
  protocolError,
  type ReceivingConnection,
  refuseStream,
} from "./receiving-connection.ts";
import type { Stream } from "./stream.ts";
import { RESET_HERE } from "./streams.ts";

/** @throws Http2Error when it ends the connection. */
export function receiveData(
  connection: ReceivingConnection,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if (streamId === 0) throw protocolError("DATA without a stream");
  const length = end - start;
  connection.receiveWindow.take(length);
  const stream = connection.streams.find(streamId);
  if (stream === undefined || stream.requestEnded) {
    connection.credit(length);
    if (stream === undefined) strayData(connection, streamId);
    else failStream(connection, stream, ERROR_CODES.STREAM_CLOSED);
    return;
  }

  let from = start;
  let to = end;
  if ((flags & PADDED) !== 0) {
    to -= paddingOf(bytes, start, end);
    from++;
  }
  const endStream = (flags & END_STREAM) !== 0;
  if (from === to && !endStream) connection.allowances.idleFrames.spend();
  const fault = faultOf(stream, length, to - from, endStream);
  if (fault !== undefined) {
    connection.credit(length);
    failStream(connection, stream, fault);
    return;
  }
  const overhead = length - (to - from);
  if (overhead > 0) {
    connection.credit(overhead);
    stream.credit(overhead);
  }
  if (to > from) stream.receive(bytes.subarray(from, to));
  if (endStream && !stream.closed) endRequest(connection, stream);
}

/** The request is complete; its stream, too, if the reply is. */
export function endRequest(connection: ReceivingConnection, stream: Stream): void {
  stream.endRequest();
  if (stream.isFinished && !stream.closed) connection.finished(stream);
}

/** Counts a frame against window and content-length. Returns the code of what it breaks. */
function faultOf(stream: Stream, length: number, bodyBytes: number, endStream: boolean): number | undefined {
  stream.receiveWindow -= length;
  if (stream.receiveWindow < 0) return ERROR_CODES.FLOW_CONTROL_ERROR;
  if (stream.bodyLeft < 0) return undefined;
  stream.bodyLeft -= bodyBytes;
  const isWrong = stream.bodyLeft < 0 || (endStream && stream.bodyLeft > 0);
  return isWrong ? ERROR_CODES.PROTOCOL_ERROR : undefined;
}

/** DATA on a stream that is not open any more. What was under way when we ended it is no fault. */
function strayData(connection: ReceivingConnection, streamId: number): void {
  expectOpened(connection, streamId);
  const { streams, allowances } = connection;
  const isLate = streamId > streams.lastId || streams.endingOf(streamId) === RESET_HERE;
  if (isLate) allowances.idleFrames.spend();
  else refuseStream(connection, streamId, ERROR_CODES.STREAM_CLOSED);
}
