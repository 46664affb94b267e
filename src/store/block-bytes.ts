// Finding one's way in the bytes of a block (entries-block.ts draws it) without decoding its entries.

/** Places of values. */
export const PLACE_HERE = 0;
export const PLACE_PIECES = 1;
export const PLACE_SEGMENT = 2;
export const PLACE_TRUNCATED = 3;
export const PLACE_WITHHELD = 4;

/** Field 2 of a `Tx` message. */
export const ENTRIES_TAG = 0x12;
/** Count and length of the wire forms. */
export const HEAD_BYTES = 5;
/** Bytes of where a value begins in its segment. */
export const OFFSET_BYTES = 8;
// Fields of a TxEntry.
export const KEY_TAG = 0x0a;
export const HASH_TAG = 0x12;
const LENGTH_TAG = 0x18;

/** A length inside a row: three bytes at most. What is not there counts as zero. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return first;
  const second = bytes[at + 1] ?? 0;
  if (second < 0x80) return (first & 0x7f) | (second << 7);
  return (first & 0x7f) | ((second & 0x7f) << 7) | ((bytes[at + 2] ?? 0) << 14);
}

/** How many bytes that length takes. */
export function lengthBytesAt(bytes: Uint8Array, at: number): number {
  if ((bytes[at] ?? 0) < 0x80) return 1;
  return (bytes[at + 1] ?? 0) < 0x80 ? 2 : 3;
}

/** The length of the value of the entry whose record is at `start` to `end`. */
export function valueLengthOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (bytes[at] === KEY_TAG) at += 1 + lengthBytesAt(bytes, at + 1) + lengthAt(bytes, at + 1);
  if (bytes[at] === HASH_TAG) at += 1 + lengthBytesAt(bytes, at + 1) + lengthAt(bytes, at + 1);
  return at < end && bytes[at] === LENGTH_TAG ? lengthAt(bytes, at + 1) : 0;
}

/** Whether the entry whose record is at `start` has this key. */
export function hasKeyAt(bytes: Uint8Array, start: number, key: Uint8Array): boolean {
  const from = start + 1 + lengthBytesAt(bytes, start + 1);
  if (bytes[start] !== KEY_TAG || lengthAt(bytes, start + 1) !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (bytes[from + i] !== key[i]) return false;
  return true;
}
