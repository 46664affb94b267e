// Cuts frames into chunks (wire spec §11). Each frame begins a new chunk; all chunks but its last one have the same length, and
// there is no empty one.
//
//   | u64 length, payload … | payload … | rest |        a frame without payload: | u64 0 |

import { setU64 } from "../base/bytes.ts";

const LENGTH_BYTES = 8;

/** The chunks of one frame. `pieces` are its payload, `length` bytes in all. */
export function* frameChunks(
  length: number,
  pieces: Iterable<Uint8Array>,
  chunkBytes: number,
): Generator<Uint8Array, void, undefined> {
  let unsent = LENGTH_BYTES + length;
  let chunk = new Uint8Array(Math.min(chunkBytes, unsent));
  setU64(chunk, 0, BigInt(length));
  let filled = LENGTH_BYTES;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      if (filled === chunk.length) {
        yield chunk;
        unsent -= filled;
        chunk = new Uint8Array(Math.min(chunkBytes, unsent));
        filled = 0;
      }
      const part = piece.subarray(from, from + chunk.length - filled);
      chunk.set(part, filled);
      filled += part.length;
      from += part.length;
    }
  }
  yield chunk;
}
