// Unsigned numbers of up to 64 bits in as few bytes as they need (LEB128, as in protobuf): 7 bits a byte, lowest first, high
// bit: more follow.

/** Bytes of the longest. */
export const VARINT_BYTES_MAX = 10;

/** Writes `value` at `at`; returns where it ends. */
export function setVarint(out: Uint8Array, at: number, value: bigint): number {
  let end = at;
  let big = value;
  for (; big > Number.MAX_SAFE_INTEGER; big >>= 7n) out[end++] = Number(big & 0x7fn) | 0x80;
  let rest = Number(big);
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[end++] = (rest % 0x80) | 0x80;
  out[end++] = rest;
  return end;
}

/** Reads one after another. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  /** Where the next one begins. */
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Throws RangeError on bytes that are none. */
  next(): bigint {
    let value = 0;
    let scale = 1;
    for (let length = 1; length <= 7; length++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value);
      scale *= 0x80;
    }
    let long = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      long |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80 && long < 1n << 64n) return long;
    }
    throw new RangeError("a number is too long");
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new RangeError("a number is cut short");
    return byte;
  }
}
