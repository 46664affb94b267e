// Bounds-checked reading from a row of the log. What it returns are views of the row.

import { crc32 } from "./checksum.ts";

/** Called for a checksum that does not match; reading goes on when it returns. */
export type OnMismatch = (of: "record" | "entry") => void;

/** Throws RangeError. */
export const refuseMismatch: OnMismatch = () => {
  throw new RangeError("the checksum does not match");
};

/** Every method throws RangeError at the end of the row. */
export class RowReader {
  readonly #bytes: Uint8Array;
  readonly #onMismatch: OnMismatch;
  #at = 0;

  constructor(bytes: Uint8Array, onMismatch: OnMismatch) {
    this.#bytes = bytes;
    this.#onMismatch = onMismatch;
  }

  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("short row");
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }

  skip(length: number): void {
    this.#at += length;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }

  u8(): number {
    if (this.#at >= this.#bytes.length) throw new RangeError("short row");
    return this.#bytes[this.#at++] as number;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** Reads the checksum of everything since `start` and compares. */
  checksumSince(start: number, of: "record" | "entry"): void {
    const computed = crc32(this.#bytes, start, this.#at);
    if (this.u32() !== computed) this.#onMismatch(of);
  }
}
