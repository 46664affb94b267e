// The dynamic table of an HPACK decoder (RFC 7541, sections 2.3.2 and 4): the fields that the peer wants remembered, newest
// first, evicted from the oldest on when their sizes add up to more than the capacity. A ring:
//
//   #ring   [ . . 9 8 7 6 5 . . ]      index 0 of the table is #newest, older ones are to its right
//                 ^ #newest

import type { HeaderField } from "./header-field.ts";

/** The least that a field counts in the table, in bytes: so many fewer places does the ring need. */
const FIELD_BYTES_MIN = 32;

/** The fields that a peer wants remembered. */
export class DynamicTable {
  /** Changes with every change of what an index means. */
  version = 0;
  #capacity: number;
  #bytes = 0;
  #ring: (HeaderField | undefined)[];
  #newest = 0;
  #count = 0;

  /** @param capacity the most that the sizes of all fields may add up to, in bytes */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#ring = emptyRing(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** The field at an index, 0 being the newest. */
  at(index: number): HeaderField | undefined {
    if (index >= this.#count) return undefined;
    return this.#ring[(this.#newest + index) % this.#ring.length];
  }

  /** Makes a field the newest. One that is larger than the capacity empties the table, and is not kept. */
  add(field: HeaderField): void {
    this.version++;
    this.#evictTo(this.#capacity - field.size);
    if (field.size > this.#capacity) return;
    this.#newest = (this.#newest + this.#ring.length - 1) % this.#ring.length;
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#bytes += field.size;
  }

  /** Changes the capacity; the oldest fields go until the others fit. */
  resize(capacity: number): void {
    if (capacity === this.#capacity) return;
    this.version++;
    this.#evictTo(capacity);
    const kept = Array.from({ length: this.#count }, (_, i) => this.at(i));
    this.#ring = emptyRing(capacity);
    kept.forEach((field, i) => {
      this.#ring[i] = field;
    });
    this.#newest = 0;
    this.#capacity = capacity;
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      this.#count--;
      const oldest = (this.#newest + this.#count) % this.#ring.length;
      this.#bytes -= (this.#ring[oldest] as HeaderField).size;
      this.#ring[oldest] = undefined;
    }
  }
}

function emptyRing(capacity: number): undefined[] {
  return new Array<undefined>(Math.floor(capacity / FIELD_BYTES_MIN) + 1).fill(undefined);
}
