// The streams of a connection: those that are open, and how the last ones ended, since late frames are judged by that
// (RFC 9113, section 5.1).

import type { Stream } from "./stream.ts";

/** Both sides had ended it; the peer gave it up; we did, and frames that were on their way then are no fault. */
export const ENDED = 1;
export const RESET_BY_PEER = 2;
export const RESET_HERE = 3;
export type Ending = typeof ENDED | typeof RESET_BY_PEER | typeof RESET_HERE;

/** So many endings are remembered: a power of two. */
const REMEMBERED = 1024;

export class Streams {
  /** The highest identifier of a stream that was opened. */
  lastId = 0;

  readonly #open = new Map<number, Stream>();
  /** The stream that was looked for last. */
  #recent: Stream | undefined = undefined;
  readonly #endedIds = new Uint32Array(REMEMBERED);
  readonly #endings = new Uint8Array(REMEMBERED);
  #ends = 0;

  get size(): number {
    return this.#open.size;
  }

  find(id: number): Stream | undefined {
    if (this.#recent?.id === id) return this.#recent;
    const found = this.#open.get(id);
    if (found !== undefined) this.#recent = found;
    return found;
  }

  open(stream: Stream): void {
    this.#open.set(stream.id, stream);
    this.#recent = stream;
  }

  /** A stream has ended; or one that was never opened is as if it had been. */
  end(id: number, how: Ending): void {
    this.#open.delete(id);
    if (this.#recent?.id === id) this.#recent = undefined;
    const slot = this.#ends++ & (REMEMBERED - 1);
    this.#endedIds[slot] = id;
    this.#endings[slot] = how;
  }

  /** How a stream ended; undefined when it has not, was never there, or ended long ago. */
  endingOf(id: number): Ending | undefined {
    const slot = this.#endedIds.lastIndexOf(id);
    return slot === -1 ? undefined : (this.#endings[slot] as Ending);
  }

  [Symbol.iterator](): IterableIterator<Stream> {
    return this.#open.values();
  }
}
