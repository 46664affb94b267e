// An encoder of header blocks for tests: whatever RFC 7541 lets a sender do, it does by chance. Fields by index where a
// table has them, literals of all three kinds, names by index and spelled out, strings with and without Huffman, capacities
// of the dynamic table up and down.

import { HUFFMAN_CODES } from "../../src/http2/huffman.ts";
import { STATIC_TABLE } from "../../src/http2/static-table.ts";

export type Field = readonly [name: string, value: string];

/** Chance: an integer in [0, bound). */
export type Below = (bound: number) => number;

/** Encodes the header blocks of one connection. */
export class HpackWriter {
  readonly #below: Below;
  readonly #capacityMax: number;
  /** What the decoder's dynamic table holds, newest first. */
  #table: Field[] = [];
  #capacity = 4096;

  /** @param capacityMax the highest capacity that the decoder lets its dynamic table have */
  constructor(below: Below, capacityMax = 4096) {
    this.#below = below;
    this.#capacityMax = capacityMax;
  }

  /** One header block. */
  block(fields: readonly Field[]): Uint8Array {
    const out: number[] = [];
    if (this.#below(16) === 0) this.#changeCapacity(out);
    for (const field of fields) this.#push(out, field);
    return Uint8Array.from(out);
  }

  /** A new capacity at the beginning of the next block, in octets that have to be put before it. */
  resize(capacity: number): Uint8Array {
    this.#capacity = capacity;
    this.#evict();
    return Uint8Array.from(integer(0x20, 0x1f, capacity));
  }

  #changeCapacity(out: number[]): void {
    for (let times = 1 + this.#below(2); times > 0; times--) {
      out.push(...this.resize(this.#below(2) === 0 ? this.#below(200) : this.#below(this.#capacityMax + 1)));
    }
  }

  #push(out: number[], field: Field): void {
    const whole = this.#indexes(([name, value]) => name === field[0] && value === field[1]);
    if (whole.length > 0 && this.#below(8) > 0) {
      out.push(...integer(0x80, 0x7f, this.#oneOf(whole)));
      return;
    }
    const names = this.#indexes(([name]) => name === field[0]);
    const index = names.length > 0 && this.#below(8) > 0 ? this.#oneOf(names) : 0;
    const kind = this.#below(4);
    if (kind === 0) out.push(...integer(0x00, 0x0f, index));
    else if (kind === 1) out.push(...integer(0x10, 0x0f, index));
    else out.push(...integer(0x40, 0x3f, index));
    if (index === 0) this.#pushString(out, field[0]);
    this.#pushString(out, field[1]);
    if (kind < 2) return;
    this.#table.unshift(field);
    this.#evict();
  }

  #pushString(out: number[], text: string): void {
    const plain = Buffer.from(text, "latin1");
    const isHuffman = this.#below(2) === 0;
    const octets = isHuffman ? huffman(plain) : plain;
    out.push(...integer(isHuffman ? 0x80 : 0, 0x7f, octets.length));
    for (const octet of octets) out.push(octet);
  }

  /** Every index whose field is as wanted. */
  #indexes(wanted: (field: Field) => boolean): number[] {
    const fields = [...STATIC_TABLE.map(({ name, value }): Field => [name, value]), ...this.#table];
    return fields.flatMap((field, i) => (wanted(field) ? [i + 1] : []));
  }

  #oneOf(indexes: readonly number[]): number {
    return indexes[this.#below(indexes.length)] as number;
  }

  #evict(): void {
    const size = () => this.#table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.#capacity) this.#table.pop();
  }
}

/** An integer in the bits of `mask` of an octet that has `flags` above them (RFC 7541, section 5.1). */
export function integer(flags: number, mask: number, value: number): number[] {
  if (value < mask) return [flags | value];
  const out = [flags | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}

/** The Huffman form of octets, padded with ones. */
export function huffman(octets: Uint8Array): Uint8Array {
  let bits = "";
  for (const octet of octets) {
    const { code, length } = HUFFMAN_CODES[octet] as { code: number; length: number };
    bits += code.toString(2).padStart(length, "0");
  }
  return bitsToBytes(bits.padEnd(Math.ceil(bits.length / 8) * 8, "1"));
}

/** Octets of a text of zeros and ones whose length is a multiple of eight. */
export function bitsToBytes(bits: string): Uint8Array {
  return Uint8Array.from({ length: bits.length / 8 }, (_, i) => Number.parseInt(bits.slice(i * 8, i * 8 + 8), 2));
}
