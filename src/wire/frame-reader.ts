// Reads what a stream of chunks carries (wire spec §11): frames, back to back, cut into chunks anywhere.
//
//   u64 length | payload | u64 length | payload | …
//
//   next() ── length ──▶ piece() … ──▶ nothing left ──▶ next() …  ──▶ undefined: the stream ended between two frames
//                  └───▶ whole()  ───────────────────▶
//
// A payload is handed on in the pieces that it came in, so that a long one never is in memory as a whole. A length is only a
// claim: nothing is made that long before that much has come.

import { EMPTY, viewOf } from "../base/bytes.ts";
import { WireError } from "./errors.ts";

const LENGTH_BYTES = 8;
/** What a frame that is wanted as a whole is first thought to need at most. */
const FIRST_ROOM_BYTES = 4096;

export class FrameReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** What has come and was not handed on. */
  #rest: Uint8Array = EMPTY;
  /** Bytes of the current frame. */
  #length = 0;
  /** Bytes of it that were not handed on. */
  #left = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * Length of the next frame, what is left of the one before is passed over; undefined at the end of the stream. Of a length
   * that no number can say the nearest one that can. Throws `stream_truncated` when the stream ends inside a frame.
   */
  async next(): Promise<number | undefined> {
    for await (const _passedOver of this.pieces()) {
    }
    if (!(await this.#more())) return undefined;
    this.#left = LENGTH_BYTES;
    this.#length = Number(viewOf(await this.whole()).getBigUint64(0));
    this.#left = this.#length;
    return this.#length;
  }

  /** Length of the current frame. */
  get length(): number {
    return this.#length;
  }

  /** The next bytes of the current frame, at least one; undefined after its end. Throws `stream_truncated`. */
  async piece(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    if (!(await this.#more())) throw new WireError("stream_truncated", "the stream ends inside a message");
    const piece = this.#rest.subarray(0, this.#left);
    this.#rest = this.#rest.subarray(piece.length);
    this.#left -= piece.length;
    return piece;
  }

  /** What is left of the current frame, as it comes. Throws `stream_truncated`. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let piece = await this.piece(); piece !== undefined; piece = await this.piece()) yield piece;
  }

  /** All that is left of the current frame. The caller has seen that it is not too long. Throws `stream_truncated`. */
  async whole(): Promise<Uint8Array> {
    const length = this.#left;
    let frame = new Uint8Array(Math.min(length, FIRST_ROOM_BYTES));
    let filled = 0;
    for (let piece = await this.piece(); piece !== undefined; piece = await this.piece()) {
      if (filled + piece.length > frame.length) {
        const larger = new Uint8Array(Math.min(length, 2 * (filled + piece.length)));
        larger.set(frame.subarray(0, filled));
        frame = larger;
      }
      frame.set(piece, filled);
      filled += piece.length;
    }
    return frame;
  }

  /** Wants no more of the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Whether there is more of the stream; it is in `#rest` then. */
  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }
}
