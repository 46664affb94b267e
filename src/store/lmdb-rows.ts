// Keys and values on their way out of LMDB. lmdb reads into one buffer that the next read overwrites, so what is handed out must be
// copied; a buffer for each row would cost more than reading it. Small ones share slabs: one is given back to the collector
// when nothing of it is in use any more, so what is kept for long must be copied again.

const SLAB_BYTES = 64 * 1024;
/** Longer rows get a buffer of their own. */
const SHARED_BYTES_MAX = 8 * 1024;
/** Up to here a loop is faster than a call. */
const LOOP_BYTES_MAX = 48;

let slab: Uint8Array = newSlab();
let used = 0;

const { slice, subarray } = Uint8Array.prototype;

/** Not cleared: only what was written is handed out. */
function newSlab(): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(SLAB_BYTES).buffer);
}

// lmdb's buffers are Buffers whose `slice` does not copy.
function copied(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > SHARED_BYTES_MAX) return slice.call(bytes, start, end);
  if (used + length > SLAB_BYTES) {
    slab = newSlab();
    used = 0;
  }
  const from = used;
  used += length;
  if (length > LOOP_BYTES_MAX) slab.set(subarray.call(bytes, start, end), from);
  else for (let i = 0; i < length; i++) slab[from + i] = bytes[start + i] as number;
  return slab.subarray(from, used);
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
