// Keys and values on their way out of LMDB. lmdb reads into one buffer that the next read overwrites, so what is handed out is
// copied, or only looked at until then.

import { EMPTY } from "../base/bytes.ts";
import type { PeekedValue } from "./engine.ts";
import { copied } from "./slab.ts";

/** Longer than every key that is stored, and shorter than what lmdb can be asked about. */
export const BEYOND_KEY_BYTES = 1100;

/** The bound of a range, where it is too long to be asked about: every key that is stored lies on the same side of both. */
export function boundAt(key: Uint8Array): Uint8Array {
  return key.length > BEYOND_KEY_BYTES ? key.subarray(0, BEYOND_KEY_BYTES) : key;
}

interface RowCodec {
  readonly encoder: {
    readonly encode: (value: Uint8Array) => Uint8Array;
    readonly decode: (bytes: Uint8Array) => Uint8Array;
  };
  readonly keyEncoder: {
    readonly writeKey: (key: Uint8Array, target: Uint8Array, start: number) => number;
    readonly readKey: (bytes: Uint8Array, start: number, end: number) => Uint8Array;
  };
}

/** What a table is opened with: byte strings as they are, read as copies. */
export const ROW_CODEC: RowCodec = {
  encoder: { encode: (value) => value, decode: (bytes) => copied(bytes, 0, bytes.length) },
  keyEncoder: {
    writeKey(key, target, start) {
      target.set(key, start);
      return start + key.length;
    },
    readKey: copied,
  },
};

const peeked = { bytes: EMPTY, length: 0 };
let peekedIn: Uint8Array | undefined;

/** What lmdb read, where it lies. As a plain Uint8Array: lmdb's is a Buffer with a length of its own, which is slow to read. */
export function peekedAt(found: Uint8Array): PeekedValue {
  if (found !== peekedIn) {
    peeked.bytes = new Uint8Array(found.buffer, found.byteOffset);
    peekedIn = found;
  }
  peeked.length = found.length;
  return peeked;
}
