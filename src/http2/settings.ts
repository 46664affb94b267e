// SETTINGS (RFC 9113, section 6.5): rows of identifier(16) and value(32). What we say at first, and what of the peer's
// concerns us. Its header table does not (nothing that is sent here is in one), nor does how long frames and header lists it
// takes: ours are never longer than every peer takes.

import {
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_MAX,
  readUint32,
  SETTINGS,
  WINDOW_MAX,
  writeFrameHeader,
  writeUint32,
} from "./frames.ts";
import { Http2Error } from "./http2-error.ts";
import type { Http2Limits } from "./http2-limits.ts";

const ENABLE_PUSH = 0x2;
const MAX_CONCURRENT_STREAMS = 0x3;
const INITIAL_WINDOW_SIZE = 0x4;
const MAX_FRAME_SIZE = 0x5;
const MAX_HEADER_LIST_SIZE = 0x6;

const ROW_BYTES = 6;
const FRAME_SIZE_MAX = 2 ** 24 - 1;

/** The frame that a server begins with. */
export function ownSettings(limits: Http2Limits): Uint8Array {
  const rows = [
    [MAX_CONCURRENT_STREAMS, limits.streamsMax],
    [INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
    [MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
  ] as const;
  const frame = new Uint8Array(FRAME_HEADER_BYTES + rows.length * ROW_BYTES);
  writeFrameHeader(frame, 0, rows.length * ROW_BYTES, SETTINGS, 0, 0);
  let at = FRAME_HEADER_BYTES;
  for (const [id, value] of rows) {
    frame[at + 1] = id;
    writeUint32(frame, at + 2, value);
    at += ROW_BYTES;
  }
  return frame;
}

/**
 * The INITIAL_WINDOW_SIZE that a payload sets, or undefined when it sets none.
 *
 * @throws Http2Error when a row has a value that it cannot have.
 */
export function readSettings(bytes: Uint8Array, start: number, end: number): number | undefined {
  if ((end - start) % ROW_BYTES !== 0) throw new Http2Error("FRAME_SIZE_ERROR", "SETTINGS that break off");
  let window: number | undefined;
  for (let at = start; at < end; at += ROW_BYTES) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const value = readUint32(bytes, at + 2);
    if (id === ENABLE_PUSH && value > 1) throw new Http2Error("PROTOCOL_ERROR", "ENABLE_PUSH neither 0 nor 1");
    if (id === MAX_FRAME_SIZE && (value < FRAME_PAYLOAD_MAX || value > FRAME_SIZE_MAX)) {
      throw new Http2Error("PROTOCOL_ERROR", "a MAX_FRAME_SIZE out of bounds");
    }
    if (id !== INITIAL_WINDOW_SIZE) continue;
    if (value > WINDOW_MAX) throw new Http2Error("FLOW_CONTROL_ERROR", "an INITIAL_WINDOW_SIZE out of bounds");
    window = value;
  }
  return window;
}
