// A call by the router's universal handlers over a stream of our HTTP/2 engine: what is streamed, compressed, gRPC-Web,
// Connect, or unusual. The handler pulls the body, and only what it has pulled is given back to the sender's window; it
// is asked for the next piece of the answer when the last one is on its way.

import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { encodeFields, type HeaderFields } from "../http2/header-fields.ts";
import { ERROR_CODES } from "../http2/http2-error.ts";
import type { BodySink, ServerStream } from "../http2/server-stream.ts";
import { peerKey } from "../services/connect.ts";
import type { BudgetShare } from "./byte-budget.ts";
import { isEndlessDeadline } from "./deadline.ts";
import type { DoorOptions } from "./doors.ts";
import { isGrpc } from "./grpc-message.ts";
import { grpcTrailerFields } from "./grpc-replies.ts";
import { PieceQueue } from "./piece-queue.ts";
import { shareOf, splitBody } from "./request-budget.ts";
import { callerAddress } from "./trusted-proxies.ts";

/** Of a body that somebody else began to read. */
export interface BegunBody {
  readonly received: readonly Uint8Array[];
  /** Whether that is all of it. */
  readonly isEnded: boolean;
  /** How many of the received bytes have been given back to the sender's window already. */
  readonly counted: number;
}

type Fields = readonly (readonly [string, string])[];

const NOT_BEGUN: BegunBody = { received: [], isEnded: false, counted: 0 };
const GATHERED_BYTES = 2048;

/** Runs calls by universal handlers. */
export class UniversalCalls {
  readonly #door: DoorOptions;
  readonly #ownFields: Fields;

  /** `ownFields`: on every answer. */
  constructor(door: DoorOptions, ownFields: Fields) {
    this.#door = door;
    this.#ownFields = ownFields;
  }

  run(stream: ServerStream, handler: UniversalHandler, begun: BegunBody = NOT_BEGUN): void {
    const { headers } = stream;
    const share = shareOf(this.#door, handler.requestPath, {
      contentLength: headers.get("content-length"),
      isGrpc: isGrpc(headers.get("content-type")),
    });
    const { methodKind } = handler.method;
    stream.isWhole = methodKind === "unary" || methodKind === "server_streaming";
    const body = new PulledBody(stream, share, begun);
    stream.sink = body;
    this.#answer(stream, handler, body, share)
      .catch((error: unknown) => {
        if (body.signal.aborted) return;
        const { method } = handler;
        this.#door.logger.error({ method: method.name, err: error }, "a call failed unexpectedly");
        stream.reset(ERROR_CODES.INTERNAL_ERROR);
      })
      .finally(() => share.end());
  }

  async #answer(stream: ServerStream, handler: UniversalHandler, body: PulledBody, share: BudgetShare): Promise<void> {
    const { headers } = stream;
    const response = await handler({
      httpVersion: "2.0",
      method: headers.method,
      // Whatever the scheme: of the address, only the query is looked at.
      url: new URL(headers.path, `http://${headers.authority}`).toString(),
      header: headersOf(headers),
      body: splitBody(this.#door, handler.requestPath, headers.get("content-type"), body, share),
      signal: body.signal,
      contextValues: createContextValues().set(peerKey, callerAddress(this.#door.proxies, stream)),
    });
    const fields = [...this.#ownFields, ...this.#door.browsers.fields(headers.get("origin"))];
    await this.#send(stream, fields, response, body.signal);
  }

  async #send(
    stream: ServerStream,
    fields: Fields,
    response: UniversalServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const pieces = response.body?.[Symbol.asyncIterator]();
    try {
      // The handler may set fields of the head until its first piece is there.
      let piece = await pieces?.next();
      gone.throwIfAborted();
      stream.head(encodeFields([[":status", String(response.status)], ...fields, ...(response.header ?? [])]));
      for (; piece !== undefined && piece.done !== true; piece = await pieces?.next()) {
        gone.throwIfAborted();
        if (!stream.write(piece.value)) await drained(stream, gone);
      }
      gone.throwIfAborted();
      stream.end(response.trailer === undefined ? undefined : encodeFields(grpcTrailerFields(response.trailer)));
    } catch (error) {
      // Whoever makes the answer hears that it goes nowhere.
      await pieces?.throw?.(error).catch(() => undefined);
      throw error;
    } finally {
      await pieces?.return?.().catch(() => undefined);
    }
  }
}

function headersOf(headers: HeaderFields): Headers {
  const result = new Headers();
  for (const [name, value] of headers.entries()) if (!isEndlessDeadline(name, value)) result.append(name, value);
  return result;
}

/** Resolves when more can be written, or nobody reads any more. */
function drained(stream: ServerStream, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onGone = (): void => resolve();
    gone.addEventListener("abort", onGone, { once: true });
    stream.ondrain = () => {
      stream.ondrain = undefined;
      gone.removeEventListener("abort", onGone);
      resolve();
    };
  });
}

/** The body of a request, for whoever iterates over it. */
class PulledBody implements BodySink, AsyncIterable<Uint8Array> {
  readonly #stream: ServerStream;
  readonly #share: BudgetShare;
  readonly #gone = new AbortController();
  readonly #waiting: PieceQueue;
  #counted: number;
  #isEnded: boolean;
  #wake: (() => void) | undefined;

  constructor(stream: ServerStream, share: BudgetShare, { received, isEnded, counted }: BegunBody) {
    this.#stream = stream;
    this.#share = share;
    this.#waiting = new PieceQueue();
    for (const piece of received) this.#waiting.push(piece);
    this.#isEnded = isEnded;
    this.#counted = counted;
  }

  /** Aborts when the caller has gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  data(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  aborted(): void {
    this.#gone.abort(new ConnectError("the caller went away", Code.Canceled));
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    this.#share.begin();
    // A message that is wanted as a whole is not handed on octet by octet, however it comes.
    const enough = this.#stream.isWhole ? GATHERED_BYTES : 1;
    while (this.#waiting.bytes < enough && !this.#isEnded && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.signal.throwIfAborted();
    const chunk = this.#waiting.shift();
    if (chunk === undefined) return { done: true, value: undefined };
    this.#share.add(chunk);
    const given = Math.min(this.#counted, chunk.length);
    this.#counted -= given;
    if (chunk.length > given) this.#stream.consumed(chunk.length - given);
    return { done: false, value: chunk };
  }
}
