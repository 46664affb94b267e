// The little of protobuf's wire format that records are read with: fields with varint and length-delimited values, in ascending
// order, each at most once. They are written with base/message-writer.ts.
//
//   field   varint (number·8 + wire type) | value        wire type 0: varint, 2: varint length | bytes
//   varint  7 bits a byte, lowest first, high bit: more follow; negative integers as 64-bit two's complement
//
// Refused is whatever is not written: another order, repetition, unknown fields, default values written out,
// padded varints, values cut short.

import { check, ProofError } from "./errors.ts";

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
/** Bytes of a varint whose number a double holds exactly. */
const EXACT_LENGTH_MAX = 7;

/** Reads the fields of one message in ascending order. A field that is not there reads as undefined. Throws `record_malformed`. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The tag at which reading stands, undefined at the end. */
  #tag: number | undefined;
  /** Whether the varint that was begun goes on beyond what a double holds. */
  #isLong = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#readTag();
  }

  /** An integer field, as the unsigned 64 bits that stand for it. */
  integer(field: number): bigint | undefined {
    if (this.#tag !== field * 8 + WIRE_VARINT) return undefined;
    const start = this.#varint();
    check(start !== 0 || this.#isLong, "record_malformed", "the record writes a default value out");
    const value = this.#isLong ? this.#longVarint(start) : BigInt(start);
    this.#readTag();
    return value;
  }

  /** An integer field with a number that is never large. */
  number(field: number): number | undefined {
    if (this.#tag !== field * 8 + WIRE_VARINT) return undefined;
    const value = this.#shortVarint();
    check(value !== 0, "record_malformed", "the record writes a default value out");
    this.#readTag();
    return value;
  }

  /** A bytes field: a view into the record. */
  bytes(field: number): Uint8Array | undefined {
    const value = this.message(field);
    check(value === undefined || value.length > 0, "record_malformed", "the record writes a default value out");
    return value;
  }

  /** A message field, maybe empty: a view into the record. */
  message(field: number): Uint8Array | undefined {
    if (this.#tag !== field * 8 + WIRE_BYTES) return undefined;
    const length = this.#shortVarint();
    check(length <= this.#bytes.length - this.#at, "record_malformed", "a field of the record is cut short");
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#readTag();
    return value;
  }

  /** States that every field has been read. */
  end(): void {
    check(this.#tag === undefined, "record_malformed", "the record has a field that does not belong there");
  }

  #readTag(): void {
    this.#tag = this.#at === this.#bytes.length ? undefined : this.#shortVarint();
  }

  #shortVarint(): number {
    const value = this.#varint();
    check(!this.#isLong, "record_malformed", "a number of the record is too big");
    return value;
  }

  /** A varint, or the number in its first bytes when it is long. */
  #varint(): number {
    const first = this.#byte();
    this.#isLong = false;
    if (first < 0x80) return first;
    let value = first - 0x80;
    let scale = 0x80;
    for (let length = 2; length <= EXACT_LENGTH_MAX; length++) {
      const byte = this.#byte();
      value += (byte % 0x80) * scale;
      scale *= 0x80;
      if (byte < 0x80) {
        check(byte > 0, "record_malformed", "a number of the record is padded");
        return value;
      }
    }
    this.#isLong = true;
    return value;
  }

  /** The rest of a long varint, whose first bytes hold `low`. */
  #longVarint(low: number): bigint {
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value += BigInt(byte % 0x80) << shift;
      if (byte >= 0x80) continue;
      check(byte > 0 && value <= UINT64_MAX, "record_malformed", "a number of the record is padded or too big");
      return value;
    }
    throw new ProofError("record_malformed", "a number of the record is too long");
  }

  #byte(): number {
    check(this.#at < this.#bytes.length, "record_malformed", "the record is cut short");
    return this.#bytes[this.#at++] as number;
  }
}
