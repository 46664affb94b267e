// Frames (RFC 9113, section 4.1): what stands before each payload, and how it is written.
//
//   length(24)  type(8)  flags(8)  0(1) stream(31)  payload
//
// A stream of 0 is the connection itself.

export const FRAME_HEADER_BYTES = 9;
/** The longest payload that is sent, and the longest that is taken: what every peer may send before it was told more. */
export const FRAME_PAYLOAD_MAX = 16_384;

export const DATA = 0x0;
export const HEADERS = 0x1;
export const PRIORITY = 0x2;
export const RST_STREAM = 0x3;
export const SETTINGS = 0x4;
export const PUSH_PROMISE = 0x5;
export const PING = 0x6;
export const GOAWAY = 0x7;
export const WINDOW_UPDATE = 0x8;
export const CONTINUATION = 0x9;

/** Of DATA and HEADERS. */
export const END_STREAM = 0x1;
/** Of SETTINGS and PING. */
export const ACK = 0x1;
/** Of HEADERS and CONTINUATION. */
export const END_HEADERS = 0x4;
/** Of DATA and HEADERS. */
export const PADDED = 0x8;
/** Of HEADERS: five bytes about priority come first. */
export const PRIORITY_GIVEN = 0x20;

/** The largest flow-control window, and the highest stream identifier. */
export const WINDOW_MAX: number = 2 ** 31 - 1;
/** Every window before anything else was said. */
export const WINDOW_DEFAULT = 65_535;

/** What a client sends first (RFC 9113, section 3.4). */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function writeFrameHeader(
  out: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  writeUint32(out, at + 5, streamId);
}

export function writeUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (readUint31(bytes, at) | (((bytes[at] as number) & 0x80) << 24)) >>> 0;
}

/** A stream identifier or a window increment: the first bit means nothing. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
