// What is done to the frames of a conversation on their way to the server: one frame goes in, any number of byte strings come
// out, frames or not.

import {
  CONTINUATION,
  DATA,
  FRAME_HEADER_BYTES,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_MAX,
  WINDOW_UPDATE,
  writeFrameHeader,
} from "../../src/http2/frames.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { frame, settingsPayload, uint32 } from "./http2-frames.ts";

const TYPES = [DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION];
/** Lengths of payloads around which something may go wrong. */
const LENGTHS = [0, 1, 3, 4, 5, 6, 7, 8, 9, 16_383, 16_384, 16_385, 65_535, 2 ** 24 - 1];

type Mutation = (frame: Uint8Array, random: SeededRandom, held: Uint8Array[]) => Uint8Array[];

/** By name, so that a run can say what it did. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bits flipped": (bytes, random) => [flipped(bytes, random, 0)],
  "bits of a payload flipped": (bytes, random) => [flipped(bytes, random, FRAME_HEADER_BYTES)],
  "cut short": (bytes, random) => [bytes.subarray(0, random.below(bytes.length))],
  "cut at the front": (bytes, random) => [bytes.subarray(random.below(bytes.length))],
  "left out": () => [],
  "sent twice": (bytes) => [bytes, bytes],
  "sent later": (bytes, _random, held) => {
    held.push(bytes);
    return [];
  },
  "length changed": (bytes, random) => [
    changed(bytes, random, { length: random.chance(0.5) ? someLength(random) : undefined }),
  ],
  "payload resized, length right": (bytes, random) => {
    const payload = new Uint8Array(Math.min(someLength(random), 20_000));
    payload.set(bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payload.length));
    return [frame(bytes[3] as number, bytes[4] as number, streamIdOf(bytes), payload)];
  },
  "type changed": (bytes, random) => [
    changed(bytes, random, { type: random.chance(0.8) ? someType(random) : random.below(256) }),
  ],
  "flags changed": (bytes, random) => [changed(bytes, random, { flags: random.below(256) })],
  "stream changed": (bytes, random) => [changed(bytes, random, { streamId: someStream(random) })],
  "a frame of chance before": (bytes, random) => [chanceFrame(random), bytes],
  "garbage before": (bytes, random) => [random.bytes(1 + random.below(40)), bytes],
  "the same small frame many times": (bytes, random) => {
    const flood = chanceFrame(random);
    return [bytes, ...Array.from({ length: 1 + random.below(400) }, () => flood)];
  },
  "a window overflown": (bytes, random) => {
    const id = random.chance(0.5) ? 0 : someStream(random);
    const grant = frame(WINDOW_UPDATE, 0, id, uint32(WINDOW_MAX - random.below(2)));
    return [bytes, grant, ...(random.chance(0.5) ? [grant] : [])];
  },
  "settings of chance": (bytes, random) => {
    const rows = Array.from({ length: random.below(6) }, (): [number, number] => [
      random.below(10),
      someNumber(random),
    ]);
    return [frame(SETTINGS, random.chance(0.9) ? 0 : 1, 0, settingsPayload(rows)), bytes];
  },
  "a stream given up": (bytes, random) => [bytes, frame(RST_STREAM, 0, someStream(random), uint32(random.below(20)))],
};

const NAMES = Object.keys(MUTATIONS);

/** Mutates some frames of a conversation. */
export class Mutator {
  /** How often which mutation was made. */
  readonly made: Map<string, number> = new Map();
  readonly #random: SeededRandom;
  readonly #rate: number;
  readonly #held: Uint8Array[] = [];

  /** @param rate the part of all frames that are mutated */
  constructor(random: SeededRandom, rate: number) {
    this.#random = random;
    this.#rate = rate;
  }

  apply(bytes: Uint8Array): Uint8Array[] {
    const out = this.#random.chance(this.#rate) ? this.#mutate(bytes) : [bytes];
    if (this.#held.length > 0 && this.#random.chance(0.3)) out.push(...this.#held.splice(0));
    return out;
  }

  #mutate(bytes: Uint8Array): Uint8Array[] {
    const name = NAMES[this.#random.below(NAMES.length)] as string;
    this.made.set(name, (this.made.get(name) ?? 0) + 1);
    return (MUTATIONS[name] as Mutation)(bytes, this.#random, this.#held);
  }
}

function flipped(bytes: Uint8Array, random: SeededRandom, from: number): Uint8Array {
  const out = Uint8Array.from(bytes);
  for (let times = 1 + random.below(4); times > 0 && out.length > from; times--) {
    const at = from + random.below(out.length - from);
    out[at] = (out[at] as number) ^ (1 << random.below(8));
  }
  return out;
}

interface Header {
  length?: number | undefined;
  type?: number;
  flags?: number;
  streamId?: number;
}

/** The frame with another header; a length that is not given is off by a few. */
function changed(bytes: Uint8Array, random: SeededRandom, header: Header): Uint8Array {
  const out = Uint8Array.from(bytes);
  const length = bytes.length - FRAME_HEADER_BYTES;
  const nearby = Math.max(0, length + random.below(21) - 10);
  const stated = "length" in header ? (header.length ?? nearby) : length;
  const { type = out[3] as number, flags = out[4] as number, streamId = streamIdOf(out) } = header;
  writeFrameHeader(out, 0, stated, type, flags, streamId);
  return out;
}

function chanceFrame(random: SeededRandom): Uint8Array {
  const type = random.chance(0.9) ? someType(random) : random.below(256);
  const payload = random.chance(0.3) ? uint32(someNumber(random)) : random.bytes(random.below(20));
  return frame(type, random.chance(0.5) ? 0 : random.below(256), someStream(random), payload);
}

function someType(random: SeededRandom): number {
  return TYPES[random.below(TYPES.length)] as number;
}

function someLength(random: SeededRandom): number {
  return LENGTHS[random.below(LENGTHS.length)] as number;
}

function someNumber(random: SeededRandom): number {
  const edges = [0, 1, 65_535, 16_384, WINDOW_MAX, WINDOW_MAX + 1, 2 ** 32 - 1];
  return random.chance(0.5) ? (edges[random.below(edges.length)] as number) : random.below(100_000);
}

function someStream(random: SeededRandom): number {
  const kind = random.below(8);
  if (kind === 0) return 0;
  if (kind === 1) return random.below(2 ** 31);
  return kind === 2 ? random.below(60) : random.below(60) | 1;
}

function streamIdOf(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(5);
}

/** The client's preface, with another octet somewhere. */
export function spoiledPreface(preface: Uint8Array, random: SeededRandom): Uint8Array {
  const out = Uint8Array.from(preface);
  const at = random.below(out.length);
  out[at] = (out[at] as number) ^ (1 + random.below(255));
  return out;
}
