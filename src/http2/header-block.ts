// A header block in pieces: HEADERS without END_HEADERS, then CONTINUATION until one has it, with nothing in between
// (RFC 9113, section 6.10).

import { Http2Error } from "./http2-error.ts";
import type { Http2Limits } from "./http2-limits.ts";

export class HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  /** The stream was made to depend on itself. */
  readonly selfDependent: boolean;

  readonly #limits: Http2Limits;
  readonly #pieces: Uint8Array[];
  #bytes: number;

  constructor(limits: Http2Limits, streamId: number, endStream: boolean, selfDependent: boolean, first: Uint8Array) {
    this.#limits = limits;
    this.streamId = streamId;
    this.endStream = endStream;
    this.selfDependent = selfDependent;
    this.#pieces = [first];
    this.#bytes = first.length;
  }

  /** @throws Http2Error when the block is longer than allowed, or in more pieces. */
  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#limits.headerBlockBytesMax)
      throw new Http2Error("ENHANCE_YOUR_CALM", "too long a header block");
    if (this.#pieces.length > this.#limits.headerContinuationsMax) {
      throw new Http2Error("ENHANCE_YOUR_CALM", "a header block in too many pieces");
    }
    this.#pieces.push(piece);
  }

  whole(): Uint8Array {
    return Buffer.concat(this.#pieces, this.#bytes);
  }
}
