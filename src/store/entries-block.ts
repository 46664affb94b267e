// A block: entries of one transaction that stand in one row. Their wire forms are in one piece, so that an answer that lists them
// copies it; what only the store wants to know comes behind.
//
//   u8 count | u32 n | n bytes | count × u8 place | offsets | crc
//
//   n bytes: each entry as field 2 of a `Tx` message: 12 | varint length | TxEntry (key, hValue, vLen, metadata)
//   place    0 here    1 pieces: value rows of its own    2 value segment    3 truncated    4 withheld
//   offsets  u64 logical offset in the segments, of each entry whose value is there
//
// "Here": after the block when entries are in the transaction record, in a row of values otherwise. There the values of
// ROW_VALUES entries (in the record: of all) stand one after the other; vLen says how long each is.

import { EMPTY, setU32, setU64, viewOf } from "../base/bytes.ts";
import type { TxEntry } from "../proof/model.ts";
import { decodeTxEntryRecord, encodeTxEntryRecords } from "../proof/record.ts";
import { DIGEST_LENGTH, sha256 } from "../proof/sha256.ts";
import type { Allocate } from "./arena.ts";
import {
  ENTRIES_TAG,
  HASH_TAG,
  HEAD_BYTES,
  hasKeyAt,
  lengthAt,
  lengthBytesAt,
  OFFSET_BYTES,
  PLACE_HERE,
  PLACE_PIECES,
  PLACE_SEGMENT,
  PLACE_TRUNCATED,
  PLACE_WITHHELD,
  valueLengthOf,
} from "./block-bytes.ts";
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
  | { readonly place: "truncated" }
  /** It was truncated where the transaction comes from: it never was here, and its length is not known (vLen 0). */
  | { readonly place: "withheld" };

const PIECES: ValueAt = { place: "pieces" };
const TRUNCATED: ValueAt = { place: "truncated" };
const WITHHELD: ValueAt = { place: "withheld" };

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
    case "withheld":
      return PLACE_WITHHELD;
  }
}

/** A block as read. Its methods throw RangeError or ProofError on bytes that encodeBlock cannot have written. */
export class EntriesBlock {
  readonly count: number;
  /** The entries as they stand in a `Tx` message. */
  readonly wire: Uint8Array;
  readonly #places: Uint8Array;
  readonly #offsets: Uint8Array;
  /** Values that are here, one after the other; undefined when they have rows of their own. */
  readonly #values: Uint8Array | undefined;
  // Where reading stands: entries are mostly asked for in order.
  /** The next entry. */
  #next = 0;
  /** Where its lead is. */
  #lead = 0;
  /** Where its value would begin. */
  #from = 0;
  /** Entries before it whose values are in segments. */
  #segments = 0;

  private constructor(wire: Uint8Array, places: Uint8Array, offsets: Uint8Array, values: Uint8Array | undefined) {
    this.count = places.length;
    this.wire = wire;
    this.#places = places;
    this.#offsets = offsets;
    this.#values = values;
  }

  /** Reads to the end of the row. `count`: entries that it must have; undefined: as many as it says. */
  static read(reader: RowReader, count: number | undefined, values: "inside" | "in rows"): EntriesBlock {
    const start = reader.at;
    const found = reader.u8();
    if (found !== (count ?? found) || found > ROW_ENTRIES) throw new RangeError("another number of entries");
    const wire = reader.take(reader.u32());
    const places = reader.take(found);
    let segments = 0;
    for (let i = 0; i < found; i++) if (places[i] === PLACE_SEGMENT) segments++;
    const offsets = reader.take(segments * OFFSET_BYTES);
    reader.checksumSince(start, "entry");
    const rest = reader.rest();
    if (values === "in rows" && rest.length > 0) throw new RangeError("bytes left after the block");
    return new EntriesBlock(wire, places, offsets, values === "inside" ? rest : undefined);
  }

  /** Whether values that are here have rows of their own. */
  get hasValuesInRows(): boolean {
    return this.#values === undefined;
  }

  /** All entries, in order. Refuses bytes that belong to none. */
  all(): StoredEntry[] {
    const entries: StoredEntry[] = [];
    for (let i = 0; i < this.count; i++) entries.push(this.at(i));
    const values = this.#values;
    if (this.#lead !== this.wire.length || (values !== undefined && this.#from !== values.length))
      throw new RangeError("bytes left after the last entry");
    return entries;
  }

  /** Entry `i` of the block. */
  at(i: number): StoredEntry {
    this.#goTo(i);
    const start = this.#start();
    const entry = decodeTxEntryRecord(this.wire.subarray(start, this.#end(start)));
    const at = this.#valueAt(entry.vLen);
    this.#pass(this.#end(start), entry.vLen);
    return { entry, at };
  }

  /** Whether entry `i` of the block is there and has this key. */
  hasKeyAt(i: number, key: Uint8Array): boolean {
    if (i < 0 || i >= this.count) return false;
    this.#goTo(i);
    return hasKeyAt(this.wire, this.#start(), key);
  }

  /**
   * The value of entry `i` when all is as it should be: the entry is there and has this key, the value is here and hashes to
   * what the entry says. Nothing is decoded for it. Otherwise undefined, and at() tells what there is instead. `row`: the row
   * of values that it shares with its neighbours, when values are in rows.
   */
  soundValue(i: number, key: Uint8Array, row: Uint8Array | undefined): Uint8Array | undefined {
    if (i >= this.count) return undefined;
    this.#goTo(i);
    const start = this.#start();
    if (this.#places[i] !== PLACE_HERE || !hasKeyAt(this.wire, start, key)) return undefined;
    const { wire } = this;
    const hash = start + 1 + lengthBytesAt(this.wire, start + 1) + key.length;
    const length = valueLengthOf(this.wire, start, this.#end(start));
    const values = this.#values ?? (length === 0 ? EMPTY : row);
    if (values === undefined || wire[hash] !== HASH_TAG || wire[hash + 1] !== DIGEST_LENGTH) return undefined;
    const value = values.subarray(this.#from, this.#from + length);
    const digest = sha256(value);
    for (let at = 0; at < DIGEST_LENGTH; at++) if (wire[hash + 2 + at] !== digest[at]) return undefined;
    return value.length === length ? value : undefined;
  }

  #goTo(i: number): void {
    if (i < this.#next) {
      this.#next = 0;
      this.#lead = 0;
      this.#from = 0;
      this.#segments = 0;
    }
    while (this.#next < i) {
      const start = this.#start();
      const end = this.#end(start);
      this.#pass(end, this.#places[this.#next] === PLACE_HERE ? valueLengthOf(this.wire, start, end) : 0);
    }
  }

  /** Goes on to the next entry. */
  #pass(end: number, valueLength: number): void {
    if (this.#places[this.#next] === PLACE_HERE) this.#from += valueLength;
    else if (this.#places[this.#next] === PLACE_SEGMENT) this.#segments++;
    this.#lead = end;
    this.#next++;
    if (this.#values === undefined && this.#next % ROW_VALUES === 0) this.#from = 0;
  }

  /** Where the record of the next entry begins. */
  #start(): number {
    if (this.wire[this.#lead] !== ENTRIES_TAG) throw new RangeError("malformed block of entries");
    return this.#lead + 1 + lengthBytesAt(this.wire, this.#lead + 1);
  }

  /** Where the record that begins at `start` ends. */
  #end(start: number): number {
    const end = start + lengthAt(this.wire, this.#lead + 1);
    if (end > this.wire.length) throw new RangeError("malformed block of entries");
    return end;
  }

  #valueAt(length: number): ValueAt {
    const from = this.#from;
    switch (this.#places[this.#next]) {
      case PLACE_HERE:
        if (this.#values === undefined) return { place: "row", from };
        if (from + length > this.#values.length) throw new RangeError("a value is cut short");
        return { place: "here", value: this.#values.subarray(from, from + length) };
      case PLACE_PIECES:
        return PIECES;
      case PLACE_SEGMENT:
        return { place: "segment", offset: viewOf(this.#offsets).getBigUint64(this.#segments * OFFSET_BYTES) };
      case PLACE_TRUNCATED:
        return TRUNCATED;
      case PLACE_WITHHELD:
        return WITHHELD;
      default:
        throw new RangeError("a value is nowhere");
    }
  }
}
