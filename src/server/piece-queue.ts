// Pieces of a body that wait for their reader. A peer may send a body octet by octet: small pieces are put together, so that
// what waits costs about as much memory as it has bytes.

/** Shorter pieces are put together. */
const SMALL_BYTES = 2048;
const TAIL_BYTES = 16 * 1024;

export class PieceQueue {
  readonly #pieces: Uint8Array[] = [];
  /** Small pieces that came after all others, put together: the first `#tailBytes` of it are filled. */
  #tail: Uint8Array | undefined;
  #tailBytes = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#tail === undefined;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (this.isEmpty || piece.length >= SMALL_BYTES) {
      this.#closeTail();
      this.#pieces.push(piece);
      return;
    }
    if (this.#tailBytes + piece.length > TAIL_BYTES) this.#closeTail();
    this.#tail ??= new Uint8Array(TAIL_BYTES);
    this.#tail.set(piece, this.#tailBytes);
    this.#tailBytes += piece.length;
  }

  /** The oldest piece; undefined when there is none. */
  shift(): Uint8Array | undefined {
    if (this.#pieces.length === 0) this.#closeTail();
    return this.#pieces.shift();
  }

  #closeTail(): void {
    if (this.#tail !== undefined) this.#pieces.push(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = undefined;
    this.#tailBytes = 0;
  }
}
