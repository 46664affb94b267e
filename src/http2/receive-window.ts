// What the peer may send on all streams of a connection together (RFC 9113, section 6.9). It is given back as the receivers
// of the bodies say, and announced in large portions.

import { WINDOW_DEFAULT, WINDOW_UPDATE } from "./frames.ts";
import { Http2Error } from "./http2-error.ts";
import type { Output } from "./output.ts";

export class ReceiveWindow {
  readonly #output: Output;
  readonly #full: number;
  #left: number;
  #uncredited = 0;

  /** Raises the window of a new connection to `bytes`. */
  constructor(output: Output, bytes: number) {
    this.#output = output;
    this.#full = bytes;
    this.#left = bytes;
    if (bytes > WINDOW_DEFAULT) output.number(WINDOW_UPDATE, 0, bytes - WINDOW_DEFAULT);
  }

  /** @throws Http2Error when the peer has sent more than it may. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new Http2Error("FLOW_CONTROL_ERROR", "more DATA than the window of the connection allows");
  }

  /** Returns whether that was announced. */
  credit(bytes: number): boolean {
    this.#uncredited += bytes;
    if (this.#uncredited * 2 < this.#full) return false;
    this.#left += this.#uncredited;
    this.#output.number(WINDOW_UPDATE, 0, this.#uncredited);
    this.#uncredited = 0;
    return true;
  }
}
