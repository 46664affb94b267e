// Cuts what a socket delivers into frames. A frame that is complete in one chunk is looked at where it is; one that is not is
// gathered in a buffer of its own, which then belongs to whoever keeps parts of it.

import { CONTINUATION, FRAME_HEADER_BYTES, FRAME_PAYLOAD_MAX, HEADERS, readUint31 } from "./frames.ts";
import { Http2Error } from "./http2-error.ts";

/** After so many frames it is asked whose turn it is: a power of two. */
const FRAMES_PER_LOOK = 8;

/** What takes the frames. The payload is `bytes` from `start` to before `end`, and stays as it is. */
export interface FrameTarget {
  /** Whether more frames are wanted. */
  readonly reading: boolean;
  /** Whether it is somebody else's turn; asked now and then. */
  isTurnOver(): boolean;
  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
}

export class FrameReader {
  readonly #target: FrameTarget;
  /** A frame that has begun: at first with room for its header only. */
  #begun: Buffer | undefined;
  #have = 0;

  constructor(target: FrameTarget) {
    this.#target = target;
  }

  /** Whether a part of a header block has begun and not ended. */
  get inHeaders(): boolean {
    if (this.#begun === undefined || this.#have < FRAME_HEADER_BYTES) return false;
    return this.#begun[3] === HEADERS || this.#begun[3] === CONTINUATION;
  }

  /**
   * Acts on a chunk from `from` on. Returns where to go on later when the turn is over, or the chunk's length.
   * @throws Http2Error when a frame is longer than allowed, and what the target throws.
   */
  push(chunk: Buffer, from: number): number {
    let frames = 0;
    let at = this.#begun === undefined ? from : this.#continue(chunk, from);
    const target = this.#target;
    while (at + FRAME_HEADER_BYTES <= chunk.length) {
      const length = payloadLength(chunk, at);
      const start = at + FRAME_HEADER_BYTES;
      const end = start + length;
      if (end > chunk.length) break;
      if (!target.reading) return chunk.length;
      if ((++frames & (FRAMES_PER_LOOK - 1)) === 0 && target.isTurnOver()) return at;
      target.frame(chunk[at + 3] as number, chunk[at + 4] as number, readUint31(chunk, at + 5), chunk, start, end);
      at = end;
    }
    if (at < chunk.length) this.#begin(chunk, at);
    return chunk.length;
  }

  #begin(chunk: Buffer, at: number): void {
    const isWhole = at + FRAME_HEADER_BYTES <= chunk.length;
    const size = FRAME_HEADER_BYTES + (isWhole ? payloadLength(chunk, at) : 0);
    this.#begun = Buffer.allocUnsafeSlow(size);
    this.#have = chunk.copy(this.#begun, 0, at);
  }

  /** Completes the frame that has begun, as far as the chunk goes. Returns where the chunk goes on. */
  #continue(chunk: Buffer, from: number): number {
    let frame = this.#begun as Buffer;
    let at = from;
    if (this.#have < FRAME_HEADER_BYTES) {
      const copied = chunk.copy(frame, this.#have, at, at + FRAME_HEADER_BYTES - this.#have);
      this.#have += copied;
      at += copied;
      if (this.#have < FRAME_HEADER_BYTES) return at;
      const header = frame;
      frame = this.#begun = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + payloadLength(header, 0));
      header.copy(frame, 0, 0, FRAME_HEADER_BYTES);
    }
    const copied = chunk.copy(frame, this.#have, at, at + frame.length - this.#have);
    this.#have += copied;
    if (this.#have === frame.length) {
      this.#begun = undefined;
      if (!this.#target.reading) return chunk.length;
      this.#target.frame(
        frame[3] as number,
        frame[4] as number,
        readUint31(frame, 5),
        frame,
        FRAME_HEADER_BYTES,
        frame.length,
      );
    }
    return at + copied;
  }
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  if (length > FRAME_PAYLOAD_MAX) throw new Http2Error("FRAME_SIZE_ERROR", "a frame longer than announced");
  return length;
}
