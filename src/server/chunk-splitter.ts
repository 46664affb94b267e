// Long chunks, made short before anybody keeps one as a whole. Some clients send a value of 31 MiB in one chunk; where chunks of
// a stream are cut means nothing, so such a one is passed on as many, each as long as the piece of it that has come.
//
//   00 | u32 length | 0a | varint n | content …… | other fields        one enveloped `Chunk` (gRPC, gRPC-Web, Connect)
//   ──▶ 00 | u32 | 0a | varint | piece   …   00 | u32 | other fields
//
//   at an envelope ── short, compressed, too long, or no content in front ──▶ passed on as it comes
//                  └─ long ──▶ its content piece by piece ──▶ what is left of it ──▶ at an envelope
//
// What is passed on whole although it is long, whoever decodes it keeps: the budget is told.

import { concat, EMPTY, getU32, setU32 } from "../base/bytes.ts";
import { GRPC_PREFIX_BYTES } from "./byte-budget.ts";

const CONTENT_TAG = 0x0a;
const VARINT_BYTES_MAX = 5;
const HEAD_BYTES_MAX: number = GRPC_PREFIX_BYTES + 1 + VARINT_BYTES_MAX;

export interface SplitOptions {
  /** false: every message is passed on whole. */
  readonly splits: boolean;
  /** Longer messages are long. */
  readonly wholeBytesMax: number;
  /** Even longer ones are passed on for whoever refuses them. */
  readonly messageBytesMax: number;
  /** Told of a message that is passed on whole although it is long. May throw. */
  readonly onWhole: (bytes: number) => void;
}

/** The same stream with its long chunks split. */
export async function* splitChunks(
  body: AsyncIterable<Uint8Array>,
  options: SplitOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const splitter = new Splitter(options);
  for await (const piece of body) yield* splitter.take(piece);
  yield* splitter.end();
}

class Splitter {
  readonly #options: SplitOptions;
  /** The head of an envelope, as far as it has come. */
  #head: Uint8Array = EMPTY;
  /** Bytes that are passed on as they come. */
  #passing = 0;
  /** Bytes of content that are passed on in envelopes of their own. */
  #content = 0;
  /** Bytes behind that content, in the same message. */
  #behind = 0;

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  *take(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    const bytes = this.#head.length === 0 ? piece : concat(this.#head, piece);
    this.#head = EMPTY;
    let at = 0;
    // What is passed on as it came is passed on in as few pieces as can be.
    let from = 0;
    while (at < bytes.length) {
      if (this.#content > 0) {
        const part = bytes.subarray(at, at + this.#content);
        yield envelope(part.length);
        yield part;
        at += part.length;
        from = at;
        this.#content -= part.length;
        if (this.#content === 0 && this.#behind > 0) yield this.#rest();
        continue;
      }
      if (this.#passing === 0) {
        const content = this.#open(bytes.subarray(at));
        if (content === "more") break;
        if (content > 0) {
          if (at > from) yield bytes.subarray(from, at);
          at += content;
          from = at;
          continue;
        }
      }
      const passed = Math.min(this.#passing, bytes.length - at);
      this.#passing -= passed;
      at += passed;
    }
    if (at > from) yield bytes.subarray(from, at);
    this.#head = bytes.slice(at);
  }

  /** What is left when the stream has ended: a head that never was complete. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#head.length > 0) yield this.#head;
  }

  /** Begins a message. Returns where its content begins; 0: it is passed on as it comes; "more": that cannot be told yet. */
  #open(bytes: Uint8Array): number | "more" {
    if (bytes.length < GRPC_PREFIX_BYTES) return "more";
    const length = getU32(bytes, 1);
    if (!this.#options.splits || bytes[0] !== 0 || !this.#isLong(length)) return this.#pass(length);
    if (bytes.length < HEAD_BYTES_MAX) return "more";
    const [content, behind] = contentAt(bytes, GRPC_PREFIX_BYTES);
    if (content === 0 || behind + content > GRPC_PREFIX_BYTES + length) return this.#pass(length);
    this.#content = content;
    this.#behind = GRPC_PREFIX_BYTES + length - behind - content;
    return behind;
  }

  #isLong(length: number): boolean {
    return length > this.#options.wholeBytesMax && length <= this.#options.messageBytesMax;
  }

  #pass(length: number): 0 {
    if (this.#isLong(length)) this.#options.onWhole(length);
    this.#passing = GRPC_PREFIX_BYTES + length;
    return 0;
  }

  /** The fields behind the content as a message of their own. */
  #rest(): Uint8Array {
    const head = new Uint8Array(GRPC_PREFIX_BYTES);
    setU32(head, 1, this.#behind);
    if (this.#isLong(this.#behind)) this.#options.onWhole(this.#behind);
    this.#passing = this.#behind;
    this.#behind = 0;
    return head;
  }
}

/** Length of the content field at `at`, 0 when there is none, and where its bytes begin. */
function contentAt(bytes: Uint8Array, at: number): readonly [length: number, from: number] {
  if (bytes[at] !== CONTENT_TAG) return [0, at];
  let length = 0;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + 1 + i] as number;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [length, at + 2 + i];
  }
  return [0, at];
}

/** What goes before so many bytes of content. */
function envelope(length: number): Uint8Array {
  const varint: number[] = [];
  let left = length;
  for (; left > 0x7f; left = Math.floor(left / 128)) varint.push((left % 128) | 0x80);
  varint.push(left);
  const head = Uint8Array.of(0, 0, 0, 0, 0, CONTENT_TAG, ...varint);
  setU32(head, 1, 1 + varint.length + length);
  return head;
}
