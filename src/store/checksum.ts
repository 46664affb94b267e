// CRC-32 over part of a byte string. For the few bytes of a row or an entry, a table here is faster than a view of them and
// a call to zlib; for long parts zlib is.

import { crc32 as zlibCrc32 } from "node:zlib";

/** Bytes of a checksum. */
export const CHECKSUM_BYTES = 4;

/** From this length on zlib wins. */
const SHORT_BYTES_MAX = 96;
const POLYNOMIAL = 0xedb8_8320;

const table: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** CRC-32 of bytes `from` to `to`; `before`: that of what they continue. */
export function crc32(bytes: Uint8Array, from = 0, to: number = bytes.length, before = 0): number {
  if (to - from > SHORT_BYTES_MAX) return zlibCrc32(bytes.subarray(from, to), before);
  let crc = ~before;
  for (let at = from; at < to; at++) {
    crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
