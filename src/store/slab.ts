// Copies of the small byte strings that reads hand out. A buffer for each would cost more than reading it, so they share slabs:
// one is given back to the collector when nothing of it is in use any more, so what is kept for long must be copied again.

const SLAB_BYTES = 64 * 1024;
/** Longer ones get a buffer of their own. */
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

/** A copy of bytes `start` to `end`. `bytes` may be a Buffer, whose own `slice` does not copy. */
export function copied(bytes: Uint8Array, start: number, end: number): Uint8Array {
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
