// Room for the rows of one batch, in a few big pieces: allocating each row by itself, and telling LMDB where each allocation
// lies, costs more than writing the row.
//
// The rows are views of the pieces. A batch that was written needs them no more: the last piece is used again for the next.

import { EMPTY } from "../base/bytes.ts";

/** Pieces grow, so that a database that is hardly written to has a small one. */
const FIRST_PIECE_BYTES: number = 8 * 1024;
const PIECE_BYTES_MAX: number = 256 * 1024;

/** Makes room for that many bytes, whose content is undefined. */
export type Allocate = (length: number) => Uint8Array;

/** Room of its own for each. */
export const allocateAnew: Allocate = (length) => new Uint8Array(length);

export class Arena {
  #piece: Uint8Array = EMPTY;
  #at = 0;

  readonly allocate: Allocate = (length) => {
    if (length > PIECE_BYTES_MAX / 4) return new Uint8Array(length);
    if (this.#at + length > this.#piece.length) {
      const bytes = Math.max(FIRST_PIECE_BYTES, 4 * length, 2 * this.#piece.length);
      this.#piece = new Uint8Array(Math.min(bytes, PIECE_BYTES_MAX));
      this.#at = 0;
    }
    const from = this.#at;
    this.#at += length;
    return this.#piece.subarray(from, this.#at);
  };

  /** Gives the room of everything allocated so far away again. */
  clear(): void {
    this.#at = 0;
  }
}
