// The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B), decoding only.
//
// The code is canonical: shorter codes come first, and among codes of one length the symbols are in order. So the lengths
// say everything, and the table of the RFC follows from them.
//
// Decoding takes four bits at a time. A state is an inner node of the code's tree; as no code is shorter than five bits, four
// bits end at most one symbol. An entry of the table:
//
//   bits 0–7    the state after these four bits
//   bits 8–15   the symbol that ended in them
//   bit 16      whether one did
//   bit 17      they ended the code of EOS, which no string may contain

import { HpackError } from "./hpack-error.ts";

/** The length in bits of the code of every octet, and of EOS at the end. */
const LENGTHS: readonly number[] = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
];

const EOS = 256;
const SYMBOL_ENDED = 1 << 16;
const EOS_ENDED = 1 << 17;
/** A string may end after up to seven bits of the code of EOS, which is all ones. */
const PADDING_BITS_MAX = 7;

/** The code of every octet, and of EOS at the end. Codes of up to 30 bits, most significant bit first. */
export const HUFFMAN_CODES: readonly { readonly code: number; readonly length: number }[] = canonicalCodes();

const { transitions: TRANSITIONS, padding: PADDING } = buildTable();

function canonicalCodes(): { code: number; length: number }[] {
  const codes = LENGTHS.map((length) => ({ code: 0, length }));
  let next = 0;
  for (let length = 1; length <= 30; length++) {
    next *= 2;
    for (const code of codes) if (code.length === length) code.code = next++;
  }
  return codes;
}

/** The transitions of all states, 16 each, and which states may be the last. State 0 is the root. */
function buildTable(): { transitions: Uint32Array; padding: Uint8Array } {
  // A node is a pair; a child that is ≥ 0 is a node, one that is < 0 the symbol −1 − child.
  const nodes: [number, number][] = [[0, 0]];
  HUFFMAN_CODES.forEach(({ code, length }, symbol) => {
    let at = 0;
    for (let bit = length - 1; bit > 0; bit--) at = child(nodes, at, (code >>> bit) & 1);
    (nodes[at] as [number, number])[code & 1] = -1 - symbol;
  });
  const transitions = new Uint32Array(nodes.length * 16);
  for (let state = 0; state < nodes.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) transitions[state * 16 + nibble] = transition(nodes, state, nibble);
  }
  const padding = new Uint8Array(nodes.length);
  for (let bits = 0, at = 0; bits <= PADDING_BITS_MAX; bits++, at = child(nodes, at, 1)) padding[at] = 1;
  return { transitions, padding };
}

/** The inner node below another one, made when it is not there yet. */
function child(nodes: [number, number][], at: number, bit: number): number {
  const node = nodes[at] as [number, number];
  if (node[bit] === 0) node[bit] = nodes.push([0, 0]) - 1;
  return node[bit] as number;
}

function transition(nodes: readonly [number, number][], state: number, nibble: number): number {
  let at = state;
  let ended = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = (nodes[at] as [number, number])[(nibble >>> bit) & 1] as number;
    if (next >= 0) {
      at = next;
      continue;
    }
    const symbol = -1 - next;
    if (symbol === EOS) return EOS_ENDED;
    ended = SYMBOL_ENDED | (symbol << 8);
    at = 0;
  }
  return ended | at;
}

/** Where strings are put together; grows to the longest seen, up to {@link SCRATCH_BYTES_KEPT}. */
let scratch: Buffer = Buffer.allocUnsafeSlow(1024);
const SCRATCH_BYTES_KEPT = 64 * 1024;

/**
 * The text, one character per octet, of the Huffman string in `bytes` from `start` to `end`.
 *
 * @throws HpackError when it contains EOS, or ends in more than seven bits, or in other bits, than EOS begins with
 */
export function huffmanText(bytes: Uint8Array, start: number, end: number): string {
  // No code is shorter than five bits.
  const lengthMax = Math.floor(((end - start) * 8) / 5);
  const out = lengthMax <= scratch.length ? scratch : Buffer.allocUnsafeSlow(lengthMax);
  if (lengthMax <= SCRATCH_BYTES_KEPT) scratch = out;
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const octet = bytes[at] as number;
    const high = TRANSITIONS[state * 16 + (octet >>> 4)] as number;
    if ((high & SYMBOL_ENDED) !== 0) out[length++] = (high >>> 8) & 0xff;
    const low = TRANSITIONS[(high & 0xff) * 16 + (octet & 15)] as number;
    if ((low & SYMBOL_ENDED) !== 0) out[length++] = (low >>> 8) & 0xff;
    if (((high | low) & EOS_ENDED) !== 0) throw new HpackError("a Huffman string contains EOS");
    state = low & 0xff;
  }
  if (PADDING[state] === 0) throw new HpackError("a Huffman string is not padded with the first bits of EOS");
  return out.toString("latin1", 0, length);
}
