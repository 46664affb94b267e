// Reads the values of a message as writers usually write them. What is unusual (a value cut short, a number padded or very
// long, text that is none, an unknown field, another wire type) is not judged here: the reader gives up, and the library reads the message anew.

import { viewOf } from "../../base/bytes.ts";

/** Bits of a number that are read one shift at a time without leaving 32 bits. */
const SHORT_BITS = 28;
/** What the eighth byte of a number would count: a double holds seven exactly. */
const LONG_SCALE = 2 ** 49;
const ASCII_LENGTH_MAX = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Values of one message after the other. Never reads beyond the end of the message, nor of the one inside it that is being read. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;
  #gaveUp = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Whether there is more to read in the message. */
  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  /** Whether something was unusual: then nothing that was read counts. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  /** Ends the reading of the message. */
  giveUp(): void {
    this.#gaveUp = true;
    this.#at = this.#end;
  }

  /** A tag, a length, a flag, or a number of 32 bits: from 0 to 2^28 - 1. */
  varint(): number {
    let value = 0;
    let at = this.#at;
    for (let shift = 0; shift < SHORT_BITS && at < this.#end; shift += 7) {
      const byte = this.#bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at;
        return value;
      }
    }
    this.giveUp();
    return 0;
  }

  /** A number of 64 bits: from 0 to 2^49 - 1. */
  varint64(): bigint {
    let value = 0;
    let at = this.#at;
    for (let scale = 1; scale < LONG_SCALE && at < this.#end; scale *= 0x80) {
      const byte = this.#bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at;
        return BigInt(value);
      }
    }
    this.giveUp();
    return 0n;
  }

  double(): number {
    const start = this.#take(8);
    return this.#gaveUp ? 0 : viewOf(this.#bytes).getFloat64(start, true);
  }

  /** A view of the bytes. */
  bytes(): Uint8Array {
    const start = this.#take(this.varint());
    return this.#bytes.subarray(start, this.#at);
  }

  text(): string {
    const bytes = this.bytes();
    if (bytes.length <= ASCII_LENGTH_MAX && bytes.every(isAscii)) return String.fromCharCode(...bytes);
    try {
      return decoder.decode(bytes);
    } catch {
      this.giveUp();
      return "";
    }
  }

  /** A message inside the message, which `read` reads to its end. */
  nested<Message>(read: (reader: MessageReader) => Message): Message {
    const outerEnd = this.#end;
    const start = this.#take(this.varint());
    this.#end = this.#at;
    this.#at = start;
    const message = read(this);
    this.#end = outerEnd;
    if (this.#gaveUp) this.giveUp();
    return message;
  }

  /** Passes over `length` bytes, to the last of the message at most. Returns where they start. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) this.giveUp();
    else this.#at = start + length;
    return start;
  }
}

function isAscii(byte: number): boolean {
  return byte < 0x80;
}
