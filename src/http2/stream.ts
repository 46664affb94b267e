// One stream of a connection (RFC 9113, section 5.1). Two ends, each of which ends once:
//
//   request   open ──END_STREAM──▶ ended
//   reply     none ──head──▶ begun ──end──▶ ended ──its last frame has left──▶ finished
//
// Request ended and reply finished, or a reset by either side: closed. Once the reply has ended, the receiver of the request
// hears no more of it; what still comes is thrown away.

import { assert } from "../base/assert.ts";
import { WINDOW_UPDATE } from "./frames.ts";
import type { HeaderFields } from "./header-fields.ts";
import type { Http2Limits } from "./http2-limits.ts";
import type { Output } from "./output.ts";
import type { Sender, WaitingBody } from "./sender.ts";
import type { BodySink, ServerStream, StreamAbort } from "./server-stream.ts";

const NONE = 0;
const BEGUN = 1;
const ENDED = 2;
const FINISHED = 3;

/** The sink before onRequest has set one. */
const NO_SINK: BodySink = { data() {}, end() {}, aborted() {} };

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly peer: string;
  readonly output: Output;
  readonly sender: Sender;
  readonly streamWindowBytes: number;
  /** Gives bytes back to the window of the connection. */
  credit(bytes: number): void;
  /** Something has been put into the output. */
  wake(): void;
  /** The reply of a stream is finished. */
  finished(stream: Stream): void;
  /** Whoever works on the call has a fault: it ends, and nothing else does. */
  failed(stream: Stream, error: unknown): void;
  /** The server ends a stream with RST_STREAM. */
  reset(stream: Stream, code: number): void;
}

export class Stream implements ServerStream {
  readonly id: number;
  readonly headers: HeaderFields;
  sink: BodySink = NO_SINK;
  isWhole = false;
  ondrain: (() => void) | undefined = undefined;

  /** Bytes that may be sent; SETTINGS can make it negative (RFC 9113, section 6.9.2). */
  sendWindow: number;
  /** Bytes that may be received. */
  receiveWindow: number;
  /** Bytes of the body that content-length still promises; -1: it promises nothing. */
  bodyLeft: number;
  requestEnded = false;
  closed = false;
  waiting: WaitingBody | undefined = undefined;

  readonly #owner: StreamOwner;
  #reply = NONE;
  /** Bytes of the body that have come, and for how long they have been coming. */
  #bodyBytes = 0;
  #bodyMs = 0;
  /** Bytes of the body that its receiver has not given back. */
  #held = 0;
  /** Bytes given back, and not announced to the peer yet. */
  #uncredited = 0;

  constructor(owner: StreamOwner, id: number, headers: HeaderFields, sendWindow: number) {
    this.#owner = owner;
    this.id = id;
    this.headers = headers;
    this.sendWindow = sendWindow;
    this.receiveWindow = owner.streamWindowBytes;
    this.bodyLeft = headers.contentLength ?? -1;
  }

  get peer(): string {
    return this.#owner.peer;
  }

  get isFinished(): boolean {
    return this.#reply === FINISHED;
  }

  /** A piece of the body has come, within the windows. */
  receive(chunk: Uint8Array): void {
    this.#held += chunk.length;
    this.#bodyBytes += chunk.length;
    if (this.#reply >= ENDED) {
      this.consumed(chunk.length);
      return;
    }
    try {
      this.sink.data(chunk);
    } catch (error) {
      this.#owner.failed(this, error);
    }
  }

  /** So much time has passed. Returns whether a message that is to come as a whole comes too slowly. */
  isSlow(ms: number, { slowMessageMs, slowMessageBytesPerSecond }: Http2Limits): boolean {
    if (!this.isWhole || this.requestEnded || this.#reply >= ENDED) return false;
    this.#bodyMs += ms;
    return this.#bodyMs > slowMessageMs + (this.#bodyBytes * 1000) / slowMessageBytesPerSecond;
  }

  /** The request is complete. */
  endRequest(): void {
    this.requestEnded = true;
    if (this.#reply >= ENDED) return;
    try {
      this.sink.end();
    } catch (error) {
      this.#owner.failed(this, error);
    }
  }

  /** Nothing happens on this stream any more. With a reason, whoever is still working on the reply is told. */
  close(reason: StreamAbort | undefined): void {
    this.closed = true;
    this.#owner.sender.forget(this);
    this.#owner.credit(this.#held);
    this.#held = 0;
    this.ondrain = undefined;
    if (reason === undefined || this.#reply >= ENDED) return;
    try {
      this.sink.aborted(reason);
    } catch (error) {
      this.#owner.failed(this, error);
    }
  }

  /** Tells the writer that it may go on. */
  drain(): void {
    try {
      this.ondrain?.();
    } catch (error) {
      this.#owner.failed(this, error);
    }
  }

  consumed(bytes: number): void {
    const given = Math.min(bytes, this.#held);
    if (given === 0) return;
    this.#held -= given;
    this.#owner.credit(given);
    this.credit(given);
  }

  /** Gives bytes back to the window of this stream. Announced in large portions, and while more may come. */
  credit(bytes: number): void {
    if (this.requestEnded) return;
    this.#uncredited += bytes;
    if (this.#uncredited * 2 < this.#owner.streamWindowBytes) return;
    this.receiveWindow += this.#uncredited;
    this.#owner.output.number(WINDOW_UPDATE, this.id, this.#uncredited);
    this.#uncredited = 0;
    this.#owner.wake();
  }

  reply(head: Uint8Array, body: Uint8Array, trailers: Uint8Array | undefined): void {
    if (this.closed) return;
    assert(this.#reply === NONE, "one reply to a call");
    this.#endReply();
    const isBare = body.length === 0 && trailers === undefined;
    this.#owner.output.headers(this.id, head, isBare);
    if (isBare || this.#owner.sender.send(this, body, true, trailers)) this.finish();
    this.#owner.wake();
  }

  head(head: Uint8Array, endStream = false): void {
    if (this.closed) return;
    assert(this.#reply === NONE, "one head of a reply");
    this.#reply = BEGUN;
    this.#owner.output.headers(this.id, head, endStream);
    if (endStream) {
      this.#endReply();
      this.finish();
    }
    this.#owner.wake();
  }

  write(data: Uint8Array): boolean {
    if (this.closed) return true;
    assert(this.#reply === BEGUN, "a body after its head and before its end");
    if (data.length === 0) return true;
    this.#owner.sender.send(this, data, false, undefined);
    this.#owner.wake();
    return this.#owner.sender.hasRoom(this);
  }

  end(trailers?: Uint8Array): void {
    if (this.closed) return;
    assert(this.#reply === BEGUN, "one end of a reply, after its head");
    this.#endReply();
    if (this.#owner.sender.end(this, trailers)) this.finish();
    this.#owner.wake();
  }

  reset(code: number): void {
    if (this.closed) return;
    this.#owner.reset(this, code);
    this.#owner.wake();
  }

  /** The last frame of the reply is in the output. */
  finish(): void {
    this.#reply = FINISHED;
    this.#owner.finished(this);
  }

  /** Nobody gives back what is held from here on. */
  #endReply(): void {
    this.#reply = ENDED;
    this.consumed(this.#held);
  }
}
