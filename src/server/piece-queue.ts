// Pieces of a body that wait for their reader. A peer may send a body octet by octet, each a view of a large read: small pieces
// are copied and put together, so that what waits, and what is handed out, costs about as much memory as it has bytes.

/** Shorter pieces are put together. */
const SMALL_BYTES = 2048;
const TAIL_BYTES = 16 * 1024;

export class PieceQueue {
  readonly #pieces: Uint8Array[] = [];
  /** Small pieces that came after all others, put together: the first `#tailBytes` of it are filled. */
  #tail: Uint8Array | undefined;
  #tailBytes = 0;

  /** Bytes that wait. */
  bytes = 0;

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    if (piece.length >= SMALL_BYTES) {
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
    const piece = this.#pieces.shift();
    this.bytes -= piece?.length ?? 0;
    return piece;
  }

  #closeTail(): void {
    // What is handed out holds on to no more than it is.
    if (this.#tail !== undefined) this.#pieces.push(this.#tail.slice(0, this.#tailBytes));
    this.#tail = undefined;
    this.#tailBytes = 0;
  }
}
