// One budget for the bytes of all request bodies in flight: those that are being received, and those that are worked on.
// Without it twenty callers who each send one of the longest messages are a gigabyte of memory.
//
//   body begins ── announced length fits ──▶ share taken, body is read ── answered ──▶ share given back
//                └ does not ──▶ refused with resource_exhausted; the rest of the body is discarded unread
//
// A length is announced by content-length or by the first five bytes of a gRPC message. A body without either is counted as
// it comes. Nothing is taken before the caller is known: Connect asks for the body after the gate (services/connect.ts).

import type { Readable } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { viewOf } from "../base/bytes.ts";

/** The setting that refusals name. */
const SETTING = "max-inflight-bytes";
/** In front of a gRPC message: flags (1 byte) and length (4 bytes, big-endian). */
const GRPC_PREFIX_BYTES = 5;

export class ByteBudget {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
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

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }

  refusal(): ConnectError {
    const message = `too many bytes are being received at once: the limit is ${this.#limit} (${SETTING}); try again`;
    return new ConnectError(message, Code.ResourceExhausted);
  }
}

/** What one request has of the budget: at first nothing, then as much as is announced or has come. */
class Share {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #ended = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Throws `resource_exhausted` when the share cannot grow to `bytes`. */
  growTo(bytes: number): void {
    if (this.#ended || bytes <= this.#bytes) return;
    if (!this.#budget.take(bytes - this.#bytes)) throw this.#budget.refusal();
    this.#bytes = bytes;
  }

  end(): void {
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#ended = true;
  }
}

export interface BudgetedBody {
  readonly body: Readable;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The reader refuses what is longer, so that a share never grows beyond it. */
  readonly bytesMax: number;
}

/**
 * Makes whoever iterates over this body do so within the budget. What is returned gives the share back: to be called when the
 * request has been answered.
 */
export function budgeted(budget: ByteBudget, { body, headers, bytesMax }: BudgetedBody): () => void {
  const share = new Share(budget);
  const growTo = (bytes: number): void => share.growTo(Math.min(bytes, bytesMax));
  const isGrpc = String(headers["content-type"] ?? "").startsWith("application/grpc");
  const iterate = body[Symbol.asyncIterator].bind(body);
  // Not a generator: leaving one after a refusal would destroy the request, and with it the answer.
  body[Symbol.asyncIterator] = () => {
    const chunks = iterate();
    let received = 0;
    const next = chunks.next.bind(chunks);
    chunks.next = async () => {
      if (received === 0) growTo(Number(headers["content-length"] ?? 0));
      const result = await next();
      if (result.done) return result;
      const chunk = result.value as Uint8Array;
      if (received === 0 && isGrpc) growTo(announcedByGrpc(chunk));
      received += chunk.length;
      growTo(received);
      return result;
    };
    return chunks;
  };
  return () => share.end();
}

function announcedByGrpc(start: Uint8Array): number {
  return start.length < GRPC_PREFIX_BYTES ? 0 : GRPC_PREFIX_BYTES + viewOf(start).getUint32(1);
}
