// Writes messages backwards, from their last byte to their first, so that the length of a part is known when it is to be
// written, and nothing is measured beforehand or moved afterwards.
//
//   chunk   | free ................. | message 3 | message 2 | message 1 |
//                                   at ↑         ↑ end                        at moves left while message 3 is written
//
// Small messages lie side by side in a chunk and are handed out as views of it: an allocation of their own would cost more
// than writing them. Nothing is ever written over; a full chunk is left to the garbage collector. A message that outgrows a
// chunk gets one of its own.

import { setU32, utf8, viewOf } from "./bytes.ts";

const CHUNK_BYTES = 64 * 1024;
/** Room for what goes in front of a value: a length and a tag, or a number of 64 bits and a tag. */
const HEAD_BYTES_MAX = 15;
/** Shorter byte strings are copied in a loop: a call of `set` costs as much as a dozen bytes. */
const SHORT_BYTES = 12;
const ASCII_LENGTH_MAX = 32;

const TWO_TO_32 = 0x1_0000_0000;
const INT32_MAX = 0x7fff_ffff;

const scratch = new DataView(new ArrayBuffer(8));

/** A sequence of fields, written from the last to the first: of each its value first, then its tag. */
export class MessageWriter {
  #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES);
  #free = CHUNK_BYTES;
  #bytes: Uint8Array = this.#chunk;
  #at = CHUNK_BYTES;
  #end = CHUNK_BYTES;

  /** Begins a message; one that was not finished is forgotten. */
  start(): void {
    this.#bytes = this.#chunk;
    this.#at = this.#free;
    this.#end = this.#free;
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.#end - this.#at;
  }

  /** The message: a view of memory that nobody writes to again. */
  finish(): Uint8Array {
    if (this.#bytes.length === CHUNK_BYTES) {
      this.#chunk = this.#bytes;
      this.#free = this.#at;
    }
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** A field of bytes. */
  bytes(tag: number, value: Uint8Array): void {
    this.raw(value);
    this.#varint(value.length);
    this.#varint(tag);
  }

  /** A field of text. A lone surrogate becomes U+FFFD. */
  text(tag: number, value: string): void {
    const { length } = value;
    if (length > ASCII_LENGTH_MAX || !this.#ascii(value)) {
      this.bytes(tag, utf8(value));
    } else {
      this.#varint(length);
      this.#varint(tag);
    }
  }

  /** Closes a message inside the message, which had `lengthBefore` bytes before it. */
  nested(tag: number, lengthBefore: number): void {
    this.#reserve(HEAD_BYTES_MAX);
    this.#varint(this.length - lengthBefore);
    this.#varint(tag);
  }

  /** A field of 0 to 2^32 - 1. */
  uint32(tag: number, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= TWO_TO_32) throw new RangeError(`invalid uint32: ${value}`);
    this.#reserve(HEAD_BYTES_MAX);
    this.#varint(value);
    this.#varint(tag);
  }

  /** A field of -2^31 to 2^31 - 1. */
  int32(tag: number, value: number): void {
    if (!Number.isInteger(value) || value < -INT32_MAX - 1 || value > INT32_MAX)
      throw new RangeError(`invalid int32: ${value}`);
    this.#reserve(HEAD_BYTES_MAX);
    if (value >= 0) this.#varint(value);
    else this.#varint64(value >>> 0, 0xffff_ffff);
    this.#varint(tag);
  }

  /** A field of true or false. */
  bool(tag: number, value: boolean): void {
    this.#reserve(HEAD_BYTES_MAX);
    this.#varint(value ? 1 : 0);
    this.#varint(tag);
  }

  /** A field of 0 to 2^64 - 1. */
  uint64(tag: number, value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`invalid uint64: ${value}`);
    this.#bigint(tag, value);
  }

  /** A field of -2^63 to 2^63 - 1. */
  int64(tag: number, value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`invalid int64: ${value}`);
    this.#bigint(tag, value);
  }

  /** A field of a double. */
  double(tag: number, value: number): void {
    this.#reserve(8 + HEAD_BYTES_MAX);
    this.#at -= 8;
    viewOf(this.#bytes).setFloat64(this.#at, value, true);
    this.#varint(tag);
  }

  /** What is already encoded. Leaves room for a length and a tag. */
  raw(value: Uint8Array): void {
    const { length } = value;
    this.#reserve(length + HEAD_BYTES_MAX);
    this.#at -= length;
    if (length > SHORT_BYTES) this.#bytes.set(value, this.#at);
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = value[i] as number;
  }

  /** A tag alone. */
  tag(tag: number): void {
    this.#reserve(HEAD_BYTES_MAX);
    this.#varint(tag);
  }

  /** The head of a gRPC frame around all that was written: 00, u32 length. */
  frame(): void {
    const { length } = this;
    this.#reserve(5);
    this.#at -= 5;
    this.#bytes[this.#at] = 0;
    setU32(this.#bytes, this.#at + 1, length);
  }

  #bigint(tag: number, value: bigint): void {
    scratch.setBigUint64(0, value);
    this.#reserve(HEAD_BYTES_MAX);
    this.#varint64(scratch.getUint32(4), scratch.getUint32(0));
    this.#varint(tag);
  }

  /** Writes the text if it is ASCII; otherwise nothing. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + HEAD_BYTES_MAX);
    const start = this.#at - length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    this.#at = start;
    return true;
  }

  /** A number below 2^32. */
  #varint(value: number): void {
    if (value < 0x80) {
      this.#at -= 1;
      this.#bytes[this.#at] = value;
      return;
    }
    this.#at -= value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    let at = this.#at;
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at] = rest;
  }

  /** A number of 64 bits in two halves. */
  #varint64(low: number, high: number): void {
    if (high === 0) {
      this.#varint(low);
      return;
    }
    // Five bytes hold the low half and three bits of the high one; every further byte holds seven.
    let rest = high >>> 3;
    this.#at -= 5 + Math.ceil((32 - Math.clz32(rest)) / 7);
    let at = this.#at;
    for (let shift = 0; shift < 28; shift += 7) this.#bytes[at++] = ((low >>> shift) & 0x7f) | 0x80;
    let group = (low >>> 28) | ((high & 7) << 4);
    while (rest > 0) {
      this.#bytes[at++] = group | 0x80;
      group = rest & 0x7f;
      rest >>>= 7;
    }
    this.#bytes[at] = group;
  }

  /** Makes room for `count` more bytes. */
  #reserve(count: number): void {
    if (this.#at < count) this.#grow(count);
  }

  #grow(count: number): void {
    const { length } = this;
    const wanted = length + count;
    // Half as much again, so that a message of many parts is moved few times; one long part is not paid for twice.
    const bytes = new Uint8Array(wanted <= CHUNK_BYTES ? CHUNK_BYTES : wanted + Math.max(CHUNK_BYTES, length >> 1));
    bytes.set(this.#bytes.subarray(this.#at, this.#end), bytes.length - length);
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#at = bytes.length - length;
  }
}
