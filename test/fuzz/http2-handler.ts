// The handler of requests that the fuzzer talks to: answers in every way that a stream of the server offers, and watches
// what the server tells it. A request says in its fields how it wants to be answered:
//
//   x-style   one of STYLES     x-size   bytes of a body that is not the request's     x-late   turns to wait before

import { encodeFields } from "../../src/http2/header-fields.ts";
import { ERROR_CODES } from "../../src/http2/http2-error.ts";
import type { BodySink, ServerStream, StreamAbort } from "../../src/http2/server-stream.ts";

/** How a request may be answered. */
export const STYLES = [
  "whole", // its body, at once, with trailers
  "bare", // its body, at once, without trailers
  "pieces", // its body, in pieces, when all of it is there
  "echo", // its body, piece by piece as it comes; pieces are given back when they could be sent
  "early", // another body, before its own has come
  "big", // another body, after its own has come
  "head", // no body
  "reset", // not at all
  "half", // the beginning of a body, then reset
] as const;
export type Style = (typeof STYLES)[number];

export const RESET_CODE: number = ERROR_CODES.CANCEL;
const PIECE_BYTES = 5000;

const PATTERN_BYTES = 1024 * 1024;
const PATTERN: Uint8Array = Uint8Array.from(
  { length: PATTERN_BYTES },
  (_, i) => (i * 31 + (i >>> 8) * 7 + (i >>> 16)) & 0xff,
);

/** A body that a client can know too: up to 512 KiB, and as many different ones. */
export function pattern(size: number, offset = 0): Uint8Array {
  return PATTERN.subarray(offset, offset + size);
}

/** Answers requests, and counts those under way. */
export class Handler {
  /** What the server did wrong. */
  readonly findings: string[] = [];
  /** Calls that were neither answered nor aborted yet. */
  live = 0;
  calls = 0;

  readonly onRequest = (stream: ServerStream): void => {
    const style = stream.headers.get("x-style") as Style | undefined;
    this.calls++;
    this.live++;
    stream.sink = new Call(this, stream, style !== undefined && STYLES.includes(style) ? style : "whole");
  };
}

class Call implements BodySink {
  readonly #handler: Handler;
  readonly #stream: ServerStream;
  readonly #style: Style;
  readonly #size: number;
  readonly #late: number;
  readonly #pieces: Uint8Array[] = [];
  #state: "live" | "answered" | "reset" | "aborted" = "live";
  #ended = false;
  #began = false;

  constructor(handler: Handler, stream: ServerStream, style: Style) {
    this.#handler = handler;
    this.#stream = stream;
    this.#style = style;
    this.#size = Math.min(Number(stream.headers.get("x-size") ?? 0) || 0, 400_000);
    this.#late = Math.min(Number(stream.headers.get("x-late") ?? 0) || 0, 20);
    if (stream.headers.invalidRequest() !== undefined) this.#blame("a request that is not valid");
    if (style === "early" || style === "head" || style === "reset" || style === "half")
      this.#later(() => this.#answer());
    if (style === "echo") this.#begin();
  }

  data(chunk: Uint8Array): void {
    if (this.#ended || this.#state === "reset" || this.#state === "aborted") this.#blame(`data after ${this.#state}`);
    if (chunk.length === 0) return;
    if (this.#style !== "echo") {
      this.#pieces.push(chunk);
      this.#later(() => this.#stream.consumed(chunk.length));
      return;
    }
    if (this.#stream.write(chunk)) {
      this.#stream.consumed(chunk.length);
      return;
    }
    this.#pieces.push(chunk);
    this.#stream.ondrain = () => {
      for (const piece of this.#pieces.splice(0)) this.#stream.consumed(piece.length);
    };
  }

  end(): void {
    if (this.#ended || this.#state === "reset" || this.#state === "aborted") this.#blame(`an end after ${this.#state}`);
    this.#ended = true;
    if (this.#style === "echo") this.#finish();
    else if (this.#state === "live") this.#later(() => this.#answer());
  }

  aborted({ code, message }: StreamAbort): void {
    if (this.#state === "reset" || this.#state === "aborted") this.#blame(`aborted after ${this.#state}`);
    if (!Number.isInteger(code) || message === "") this.#blame("aborted for no reason");
    if (this.#state === "live") this.#handler.live--;
    this.#state = "aborted";
    // A late handler may not have noticed: nothing of this may have an effect.
    this.#stream.consumed(1);
    this.#stream.write(pattern(10));
    this.#stream.end();
    this.#stream.reply(this.#head(), pattern(10), undefined);
    this.#stream.reset(RESET_CODE);
  }

  #answer(): void {
    if (this.#state !== "live") return;
    const body = this.#style === "early" || this.#style === "big" ? pattern(this.#size) : Buffer.concat(this.#pieces);
    if (this.#style === "reset") this.#reset();
    else if (this.#style === "half") {
      this.#begin();
      this.#stream.write(pattern(this.#size));
      this.#later(() => this.#reset());
    } else if (this.#style === "head") {
      this.#settled();
      this.#stream.head(this.#head(), true);
    } else if (this.#style === "pieces") {
      this.#begin();
      this.#writeFrom(body, 0);
    } else {
      this.#settled();
      this.#stream.reply(this.#head(), body, this.#style === "bare" ? undefined : this.#trailers());
    }
  }

  #writeFrom(body: Uint8Array, from: number): void {
    for (let at = from; at < body.length; at += PIECE_BYTES) {
      if (this.#state !== "live") return;
      if (this.#stream.write(body.subarray(at, at + PIECE_BYTES))) continue;
      this.#stream.ondrain = () => this.#writeFrom(body, at + PIECE_BYTES);
      return;
    }
    this.#finish();
  }

  #begin(): void {
    if (this.#began || this.#state !== "live") return;
    this.#began = true;
    this.#stream.head(this.#head());
  }

  #finish(): void {
    if (this.#state !== "live") return;
    this.#settled();
    this.#stream.end(this.#size % 2 === 0 ? this.#trailers() : undefined);
  }

  #reset(): void {
    if (this.#state !== "live") return;
    this.#settled("reset");
    this.#stream.reset(RESET_CODE);
  }

  #settled(state: "answered" | "reset" = "answered"): void {
    this.#state = state;
    this.#handler.live--;
  }

  #head(): Uint8Array {
    return encodeFields([
      [":status", "200"],
      ["x-id", this.#stream.headers.get("x-id") ?? ""],
    ]);
  }

  #trailers(): Uint8Array {
    return encodeFields([["grpc-status", "0"]]);
  }

  #later(action: () => void): void {
    let turns = this.#late;
    const turn = (): void => {
      if (turns-- > 0) setImmediate(turn);
      else action();
    };
    turn();
  }

  #blame(what: string): void {
    this.#handler.findings.push(`handler (${this.#style}): ${what}`);
  }
}
