// The short way of a unary gRPC call over our HTTP/2 engine: frame, pipeline, frame, with neither Headers nor AbortController
// nor generators around it. It takes what is as it should be: one uncompressed message of an admitted caller, that fits.
// Whatever turns out to be otherwise, a message too many, a broken one, one too long, is handed to the router as if it had
// never been here, with what has been received: the router says what is wrong with it.
//
//   begin ── admitted ──▶ data … ──▶ end ──▶ serve ──▶ reply
//     └─ not ──▶ reply      └── not as it should be ──▶ the router

import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { getU32 } from "../base/bytes.ts";
import type { BodySink, ServerStream } from "../http2/server-stream.ts";
import type { CallContext } from "../services/call.ts";
import type { UnaryMethod } from "../services/unary.ts";
import { type ByteBudget, GRPC_PREFIX_BYTES } from "./byte-budget.ts";
import type { GrpcReplies } from "./grpc-replies.ts";
import { LazySignal } from "./lazy-signal.ts";
import { budgetOf } from "./request-budget.ts";
import { callerAddress, type TrustedProxies } from "./trusted-proxies.ts";
import type { UniversalCalls } from "./universal-call.ts";

/** What all these calls share. */
export interface GrpcUnaryDoor {
  readonly budget: ByteBudget;
  readonly publicBudget: ByteBudget;
  readonly proxies?: TrustedProxies | undefined;
  readonly stopping: AbortSignal;
  readonly replies: GrpcReplies;
  readonly calls: UniversalCalls;
}

const NOTHING = new Uint8Array();

export class GrpcUnaryCall implements BodySink, CallContext {
  caller: CallContext["caller"] = undefined;
  identifiedMs = 0;
  database: CallContext["database"] = undefined;
  readonly #stream: ServerStream;
  readonly #method: UnaryMethod;
  readonly #handler: UniversalHandler;
  readonly #door: GrpcUnaryDoor;
  readonly #signal: LazySignal;
  /** The frame that is coming, and how much of it has come. */
  #frame: Uint8Array = NOTHING;
  #received = 0;
  #isServing = false;
  /** Of the budget. */
  #taken = 0;

  constructor(
    stream: ServerStream,
    method: UnaryMethod,
    handler: UniversalHandler,
    timeoutMs: number | undefined,
    door: GrpcUnaryDoor,
  ) {
    this.#stream = stream;
    this.#method = method;
    this.#handler = handler;
    this.#door = door;
    this.#signal = new LazySignal(door.stopping, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#signal.get();
  }

  get peer(): string {
    return callerAddress(this.#door.proxies, this.#stream);
  }

  get #budget(): ByteBudget {
    return budgetOf(this.#door, this.#method);
  }

  header(name: string): string | undefined {
    return this.#stream.headers.get(name);
  }

  begin(): void {
    this.#stream.sink = this;
    this.#stream.isWhole = true;
    const refusal = this.#method.admit(this);
    if (refusal !== undefined) this.#fail(refusal);
  }

  data(chunk: Uint8Array): void {
    if (this.#received === 0 && !this.#open(chunk)) return;
    const end = this.#received + chunk.length;
    if (end > this.#frame.length) {
      this.#handOver([this.#frame.subarray(0, this.#received), chunk]);
      return;
    }
    if (chunk !== this.#frame) this.#frame.set(chunk, this.#received);
    this.#received = end;
    this.#stream.consumed(chunk.length);
  }

  /** Makes room for the frame that begins so. False when the call has left this way. */
  #open(start: Uint8Array): boolean {
    const bytes = frameBytes(start, this.#method.messageBytesMax);
    if (bytes === undefined || start.length > bytes) {
      this.#handOver([start]);
      return false;
    }
    const budget = this.#budget;
    const taken = budget.takeMessage(bytes);
    if (taken === undefined) {
      this.#fail(budget.refusal());
      return false;
    }
    this.#taken = taken;
    this.#frame = start.length === bytes ? start : new Uint8Array(bytes);
    return true;
  }

  end(): void {
    const frame = this.#frame;
    if (this.#received > 0 && this.#received === frame.length) this.#serve(frame);
    else this.#handOver([frame.subarray(0, this.#received)], true);
  }

  #serve(frame: Uint8Array): void {
    let message: object;
    try {
      message = this.#method.decode(frame.subarray(GRPC_PREFIX_BYTES));
    } catch {
      this.#handOver([frame], true);
      return;
    }
    this.#frame = NOTHING;
    this.#isServing = true;
    try {
      const answer = this.#method.serve(message, this);
      if (answer instanceof Promise) answer.then((value) => this.#succeed(value)).catch((error) => this.#fail(error));
      else this.#succeed(answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  aborted(): void {
    this.#signal.abort();
    // What is being worked on takes its share until it is done.
    if (!this.#isServing) this.#giveBack();
  }

  #succeed(answer: object): void {
    const { head, ok } = this.#door.replies;
    this.#stream.reply(head, this.#method.encodeFramed(answer), ok);
    this.#giveBack();
  }

  #fail(error: unknown): void {
    const { head } = this.#door.replies;
    this.#stream.reply(head, NOTHING, this.#door.replies.failure(error));
    this.#giveBack();
  }

  /** `received`: the body so far; `isEnded`: all of it. */
  #handOver(received: readonly Uint8Array[], isEnded = false): void {
    this.#giveBack();
    const counted = this.#received;
    this.#door.calls.run(this.#stream, this.#handler, { received, isEnded, counted });
  }

  #giveBack(): void {
    this.#signal.end();
    this.#budget.giveBack(this.#taken);
    this.#taken = 0;
  }
}

/** Bytes of the frame that begins so; undefined when it is compressed, too long, or cannot be told yet. */
function frameBytes(start: Uint8Array, messageBytesMax: number): number | undefined {
  if (start.length < GRPC_PREFIX_BYTES || start[0] !== 0) return undefined;
  const messageBytes = getU32(start, 1);
  return messageBytes > messageBytesMax ? undefined : GRPC_PREFIX_BYTES + messageBytes;
}
