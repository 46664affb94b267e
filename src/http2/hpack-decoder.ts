// Header blocks, decoded (RFC 7541). A block is a row of these, told apart by the first bits:
//
//   1 index(7)                              a field of the tables
//   01 name(6) [name string] value string   a field that is added to the dynamic table
//   001 size(5)                             a new capacity of the dynamic table; only before the first field
//   0000 name(4) [name string] value string a field that is not added
//   0001 name(4) [name string] value string a field that nobody on the way may add either: the same to us
//
// A name is an index of the tables, or 0 and a string; a string is 1 bit Huffman, length(7), octets. The number in brackets
// is how many bits of the first octet an integer has; all ones there mean that more octets follow, seven bits each, lowest
// first.
//
// What goes wrong here ends the connection: who cannot follow one change of the dynamic table cannot read on. That a list is
// too long is no such thing: it is decoded to its end, and not kept.

import { BlockCache } from "./block-cache.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { HeaderField } from "./header-field.ts";
import { HeaderFields } from "./header-fields.ts";
import { HpackError } from "./hpack-error.ts";
import { huffmanText } from "./huffman.ts";
import { STATIC_TABLE } from "./static-table.ts";

/** Capacity of a dynamic table before anything else was said, in bytes (RFC 9113, section 6.5.2). */
const CAPACITY_DEFAULT = 4096;
/** An integer has at most so many octets after its first one: 28 bits, far more than a block can be long. */
const INTEGER_OCTETS_MAX = 4;

/** Decodes the header blocks of one connection, each of them, in the order in which they came. */
export class HpackDecoder {
  readonly #table: DynamicTable = new DynamicTable(CAPACITY_DEFAULT);
  readonly #recent: BlockCache = new BlockCache();
  readonly #listBytesMax: number;
  #capacityMax: number;
  /** Whether the next block has to begin with a new capacity. */
  #capacityDue = false;

  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /**
   * @param listBytesMax the longest list of fields that is accepted, in bytes as RFC 9113 counts them (SETTINGS_MAX_HEADER_LIST_SIZE)
   * @param capacityMax the highest SETTINGS_HEADER_TABLE_SIZE that the peer may go by, in bytes: what is announced at first,
   *   but not less than the default of 4096, which holds until the peer has acknowledged
   */
  constructor(listBytesMax: number, capacityMax: number = CAPACITY_DEFAULT) {
    this.#listBytesMax = listBytesMax;
    this.#capacityMax = capacityMax;
  }

  /**
   * The peer has acknowledged this SETTINGS_HEADER_TABLE_SIZE, in bytes. If its table is larger, its next block has to make
   * it smaller (RFC 9113, section 4.3.1).
   */
  acknowledgeCapacity(bytes: number): void {
    this.#capacityMax = bytes;
    if (this.#table.capacity <= bytes) return;
    this.#capacityDue = true;
    this.#table.version++; // The block has to be looked at, though it came before.
  }

  /**
   * The fields of a whole header block (HEADERS and all its CONTINUATIONs), or undefined when they are longer than allowed;
   * then, too, the next block can be decoded.
   *
   * @throws HpackError when it is no header block. The connection has to be ended with COMPRESSION_ERROR.
   */
  decode(block: Uint8Array): HeaderFields | undefined {
    const { version } = this.#table;
    const known = this.#recent.find(block, version);
    if (known !== undefined) return known;

    this.#block = block instanceof Buffer ? block : Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    this.#at = 0;
    this.#readCapacities();
    const list: HeaderField[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const field = this.#readField();
      listBytes += field.size;
      if (listBytes <= this.#listBytesMax) list.push(field);
    }
    if (listBytes > this.#listBytesMax) return undefined;
    const fields = new HeaderFields(list);
    if (version === this.#table.version) this.#recent.keep(block, fields);
    return fields;
  }

  #readCapacities(): void {
    while (((this.#block[this.#at] ?? 0) & 0xe0) === 0x20) {
      const capacity = this.#readInteger(0x1f);
      if (capacity > this.#capacityMax) throw new HpackError("a capacity of the dynamic table above the limit");
      this.#table.resize(capacity);
      this.#capacityDue = false;
    }
    if (this.#capacityDue) throw new HpackError("the dynamic table was not made smaller, as acknowledged");
  }

  #readField(): HeaderField {
    const first = this.#block[this.#at] as number;
    if (first >= 0x80) return this.#fieldAt(this.#readInteger(0x7f));
    if (first >= 0x40) {
      const field = this.#readLiteral(0x3f);
      this.#table.add(field);
      return field;
    }
    if (first >= 0x20) throw new HpackError("a new capacity of the dynamic table after a field");
    return this.#readLiteral(0x0f);
  }

  #readLiteral(mask: number): HeaderField {
    const index = this.#readInteger(mask);
    const name = index === 0 ? this.#readString() : this.#fieldAt(index).name;
    return new HeaderField(name, this.#readString());
  }

  #fieldAt(index: number): HeaderField {
    const field =
      index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1);
    if (field === undefined) throw new HpackError("an index that no table has");
    return field;
  }

  #readString(): string {
    const block = this.#block;
    if (this.#at >= block.length) throw new HpackError("a header block that breaks off");
    const isHuffman = (block[this.#at] as number) >= 0x80;
    const length = this.#readInteger(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > block.length) throw new HpackError("a header block that breaks off");
    this.#at = end;
    return isHuffman ? huffmanText(block, start, end) : block.toString("latin1", start, end);
  }

  /** An integer (RFC 7541, section 5.1) whose first octet has it in the bits of `mask`. */
  #readInteger(mask: number): number {
    const block = this.#block;
    let value = (block[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let i = 0; i < INTEGER_OCTETS_MAX; i++) {
      if (this.#at >= block.length) throw new HpackError("a header block that breaks off");
      const octet = block[this.#at++] as number;
      value += (octet & 0x7f) << (7 * i);
      if (octet < 0x80) return value;
    }
    throw new HpackError("an integer that is too long");
  }
}
