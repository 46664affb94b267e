// A block: entries of one transaction that stand in one row. Their wire forms are in one piece, so that an answer that lists them
// copies it; what only the store wants to know comes behind.
//
//   u8 count | u32 n | n bytes | count × u8 place | offsets | crc
//
//   n bytes: each entry as field 2 of a `Tx` message: 12 | varint length | TxEntry (key, hValue, vLen, metadata)
//   place    0 here    1 pieces: value rows of its own    2 value segment    3 truncated
//   offsets  u64 logical offset in the segments, of each entry whose value is there
//
// "Here": after the block when entries are in the transaction record, in a row of values otherwise. There the values of
// ROW_VALUES entries (in the record: of all) stand one after the other; vLen says how long each is.

import { setU32, setU64, viewOf } from "../base/bytes.ts";
import type { TxEntry } from "../proof/model.ts";
import { decodeTxEntryRecord, encodeTxEntryRecords } from "../proof/record.ts";
import type { Allocate } from "./arena.ts";
import { CHECKSUM_BYTES, crc32 } from "./checksum.ts";
import { ROW_ENTRIES, ROW_VALUES } from "./layout.ts";
import type { RowReader } from "./row-reader.ts";

/** An entry as stored, and where its value is. */
export interface StoredEntry {
  readonly entry: TxEntry;
  readonly at: ValueAt;
}

export type ValueAt =
  | { readonly place: "here"; readonly value: Uint8Array }
  /** In the row of values that it shares with its neighbours, from this byte on. */
  | { readonly place: "row"; readonly from: number }
  /** In rows of its own. */
  | { readonly place: "pieces" }
  /** In the value segment of its transaction, at this logical offset. */
  | { readonly place: "segment"; readonly offset: bigint }
  /** Removed for good; its digest stays. */
  | { readonly place: "truncated" };

const PLACE_HERE = 0;
const PLACE_PIECES = 1;
const PLACE_SEGMENT = 2;
const PLACE_TRUNCATED = 3;

const ENTRIES_TAG = 0x12;
/** Count and length of the wire forms. */
const HEAD_BYTES = 5;
const OFFSET_BYTES = 8;
const PIECES: ValueAt = { place: "pieces" };
const TRUNCATED: ValueAt = { place: "truncated" };

/** The block of at most ROW_ENTRIES entries. */
export function encodeBlock(entries: readonly StoredEntry[], allocate: Allocate): Uint8Array {
  const wire = encodeTxEntryRecords(entries.map(({ entry }) => entry));
  const segments = entries.filter(({ at }) => at.place === "segment").length;
  const placesAt = HEAD_BYTES + wire.length;
  const end = placesAt + entries.length + segments * OFFSET_BYTES;
  const out = allocate(end + CHECKSUM_BYTES);
  out[0] = entries.length;
  setU32(out, 1, wire.length);
  out.set(wire, HEAD_BYTES);
  let offsetAt = placesAt + entries.length;
  entries.forEach(({ at }, i) => {
    out[placesAt + i] = placeCode(at);
    if (at.place !== "segment") return;
    setU64(out, offsetAt, at.offset);
    offsetAt += OFFSET_BYTES;
  });
  setU32(out, end, crc32(out, 0, end));
  return out;
}

function placeCode(at: ValueAt): number {
  switch (at.place) {
    case "here":
    case "row":
      return PLACE_HERE;
    case "pieces":
      return PLACE_PIECES;
    case "segment":
      return PLACE_SEGMENT;
    case "truncated":
      return PLACE_TRUNCATED;
  }
}

/** A block as read. Its methods throw RangeError or ProofError on bytes that encodeBlock cannot have written. */
export class EntriesBlock {
  readonly count: number;
  /** The entries as they stand in a `Tx` message. */
  readonly wire: Uint8Array;
  readonly #places: Uint8Array;
  readonly #offsets: DataView;
  /** Values that are here, one after the other; undefined when they have rows of their own. */
  readonly #values: Uint8Array | undefined;

  private constructor(wire: Uint8Array, places: Uint8Array, offsets: Uint8Array, values: Uint8Array | undefined) {
    this.count = places.length;
    this.wire = wire;
    this.#places = places;
    this.#offsets = viewOf(offsets);
    this.#values = values;
  }

  /** Reads to the end of the row. `count`: entries that it must have. */
  static read(reader: RowReader, count: number, values: "inside" | "in rows"): EntriesBlock {
    const start = reader.at;
    if (reader.u8() !== count || count > ROW_ENTRIES) throw new RangeError("another number of entries");
    const wire = reader.take(reader.u32());
    const places = reader.take(count);
    let segments = 0;
    for (const place of places) if (place === PLACE_SEGMENT) segments++;
    const offsets = reader.take(segments * OFFSET_BYTES);
    reader.checksumSince(start, "entry");
    const rest = reader.rest();
    if (values === "in rows" && rest.length > 0) throw new RangeError("bytes left after the block");
    return new EntriesBlock(wire, places, offsets, values === "inside" ? rest : undefined);
  }

  /** All entries, in order. Refuses bytes that belong to none. */
  all(): StoredEntry[] {
    const entries: StoredEntry[] = [];
    let at = 0;
    let from = 0;
    let segments = 0;
    for (let i = 0; i < this.count; i++) {
      const [start, end] = this.#bounds(at);
      const entry = decodeTxEntryRecord(this.wire.subarray(start, end));
      if (this.#values === undefined && i % ROW_VALUES === 0) from = 0;
      entries.push({ entry, at: this.#valueAt(i, from, entry.vLen, segments) });
      if (this.#places[i] === PLACE_HERE) from += entry.vLen;
      if (this.#places[i] === PLACE_SEGMENT) segments++;
      at = end;
    }
    if (at !== this.wire.length || (this.#values !== undefined && from !== this.#values.length))
      throw new RangeError("bytes left after the last entry");
    return entries;
  }

  /** Where the record of the entry whose lead begins at `at` begins and ends. */
  #bounds(at: number): [start: number, end: number] {
    const { wire } = this;
    let length = wire[at + 1] ?? 0;
    let start = at + 2;
    if (length >= 0x80) {
      length = (length & 0x7f) | ((wire[at + 2] ?? 0) << 7);
      start++;
    }
    const end = start + length;
    if (wire[at] !== ENTRIES_TAG || end > wire.length) throw new RangeError("malformed block of entries");
    return [start, end];
  }

  #valueAt(i: number, from: number, length: number, segments: number): ValueAt {
    switch (this.#places[i]) {
      case PLACE_HERE:
        if (this.#values === undefined) return { place: "row", from };
        if (from + length > this.#values.length) throw new RangeError("a value is cut short");
        return { place: "here", value: this.#values.subarray(from, from + length) };
      case PLACE_PIECES:
        return PIECES;
      case PLACE_SEGMENT:
        return { place: "segment", offset: this.#offsets.getBigUint64(segments * OFFSET_BYTES) };
      case PLACE_TRUNCATED:
        return TRUNCATED;
      default:
        throw new RangeError("a value is nowhere");
    }
  }
}
