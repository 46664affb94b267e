// One budget for the bytes of all request bodies in flight: those that are being received, and those that are worked on.
// Without it twenty callers who each send one of the longest messages are a gigabyte of memory.
//
//   body begins ── announced length fits ──▶ share taken, body is read ── answered ──▶ share given back
//                └ does not ──▶ refused with resource_exhausted; the rest of the body is discarded unread
//
// A length is announced by content-length or by the first five bytes of a gRPC message. A body without either is counted as
// it comes. Short messages take nothing: they cost no more than their streams, and who fills the budget must not keep others
// from logging in. Nothing is taken before the caller is known: Connect asks for the body after the gate (services/connect.ts). Calls
// that need no login have a budget of their own.

import type { Readable } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { getU32 } from "../base/bytes.ts";

/** Messages up to here take nothing. */
const FREE_MESSAGE_BYTES = 4096;
/** In front of a gRPC message: flags (1 byte) and length (4 bytes, big-endian). */
export const GRPC_PREFIX_BYTES = 5;

export class ByteBudget {
  readonly #limit: number;
  readonly #setting: string;
  #taken = 0;

  /** `setting`: what refusals name. */
  constructor(limit: number, setting = "max-inflight-bytes") {
    this.#limit = limit;
    this.#setting = setting;
  }

  /** Bytes in flight. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether `bytes` more fit; they are taken then. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#limit) return false;
    this.#taken += bytes;
    return true;
  }

  /** What a message of so many bytes takes; undefined when that does not fit. */
  takeMessage(bytes: number): number | undefined {
    if (bytes <= FREE_MESSAGE_BYTES) return 0;
    return this.take(bytes) ? bytes : undefined;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }

  refusal(): ConnectError {
    const message = `too many bytes are being received at once: the limit is ${this.#limit} (${this.#setting}); try again`;
    return new ConnectError(message, Code.ResourceExhausted);
  }
}

/** A request whose body is counted. */
export interface BudgetedRequest {
  /** `content-length`, if there is one. */
  readonly contentLength: string | undefined;
  /** Whether the body begins with the head of a gRPC message. */
  readonly isGrpc: boolean;
  /** The reader refuses what is longer, so that a share never grows beyond it. */
  readonly bytesMax: number;
}

/** What one request has of the budget: at first nothing, then as much as is announced or has come. */
export class BudgetShare {
  readonly #budget: ByteBudget;
  readonly #request: BudgetedRequest;
  #received = 0;
  /** The longest message of a stream that was kept as a whole. */
  #whole = 0;
  #bytes = 0;
  #ended = false;

  constructor(budget: ByteBudget, request: BudgetedRequest) {
    this.#budget = budget;
    this.#request = request;
  }

  /** Before the body is read. Throws `resource_exhausted` when what is announced does not fit. */
  begin(): void {
    if (this.#received === 0) this.#growTo(Number(this.#request.contentLength ?? 0));
  }

  /** A piece of the body has come. Throws `resource_exhausted` when it, or what it announces, does not fit. */
  add(chunk: Uint8Array): void {
    if (this.#received === 0 && this.#request.isGrpc && chunk.length >= GRPC_PREFIX_BYTES) {
      this.#growTo(GRPC_PREFIX_BYTES + getU32(chunk, 1));
    }
    this.#received += chunk.length;
    this.#growTo(this.#received);
  }

  /** A message of a stream is kept as a whole, beside what else counts of that. Throws `resource_exhausted` when it does not fit. */
  takeWhole(bytes: number): void {
    this.#whole = Math.max(this.#whole, bytes);
    this.#growTo(this.#received);
  }

  /** The request has been answered. */
  end(): void {
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#ended = true;
  }

  #growTo(bytes: number): void {
    const wanted = Math.min(bytes, this.#request.bytesMax) + this.#whole;
    if (this.#ended || wanted <= this.#bytes || wanted <= FREE_MESSAGE_BYTES) return;
    if (!this.#budget.take(wanted - this.#bytes)) throw this.#budget.refusal();
    this.#bytes = wanted;
  }
}

/** Makes whoever iterates over this body do so within its share of the budget. */
export function countBody(body: Readable, share: BudgetShare): void {
  // Whoever leaves early must not destroy a request of HTTP/1.1: its connection would carry no further one. One of HTTP/2
  // has its stream to itself, and lets go of it only so.
  const destroyOnReturn = "stream" in body;
  const iterate = (): NodeJS.AsyncIterator<unknown> => body.iterator({ destroyOnReturn });
  body[Symbol.asyncIterator] = () => {
    const chunks = iterate();
    const next = chunks.next.bind(chunks);
    chunks.next = async () => {
      share.begin();
      const result = await next();
      if (!result.done) share.add(result.value as Uint8Array);
      return result;
    };
    return chunks;
  };
}
