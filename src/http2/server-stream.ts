// What a server sees of a call: a stream of HTTP/2, with what came of the request and how it is answered.

import type { HeaderFields } from "./header-fields.ts";

/** Why a call ended before it was answered. */
export interface StreamAbort {
  /** An error code of HTTP/2 ({@link ERROR_CODES}). */
  readonly code: number;
  readonly message: string;
}

/** Takes the body of a request. */
export interface BodySink {
  /**
   * A piece of the body; it stays valid. Pieces may be as small as a peer likes: who keeps them should put small ones
   * together.
   */
  data(chunk: Uint8Array): void;
  /** The body is complete. Trailers are ignored. In the same turn as the last piece if they came together. */
  end(): void;
  /**
   * The peer gave up, the connection was lost, or the server ended it. At most once; never after the reply was finished, nor
   * for the server's own reset().
   */
  aborted(reason: StreamAbort): void;
}

/** One call. After its end every method does nothing. */
export interface ServerStream {
  readonly headers: HeaderFields;
  /** Address of the client. */
  readonly peer: string;
  /** Set by onRequest, before it returns. */
  sink: BodySink;
  /** Whether the body is one message, which has to come without delay: a stream on which it comes too slowly is ended. */
  isWhole: boolean;
  /**
   * Gives so many received bytes of the body back to the windows of the sender. As long as they are not given back the sender
   * has to wait at some point. What is left when the call ends is given back then, and so is what comes after a reply.
   */
  consumed(bytes: number): void;
  /**
   * The whole reply: HEADERS, DATA (none for an empty body), and HEADERS for the trailers. Without trailers END_STREAM is on
   * the last frame before. Goes out in parts when the windows want it. A long body is kept, not copied: it must not change.
   */
  reply(head: Uint8Array, body: Uint8Array, trailers: Uint8Array | undefined): void;
  /** The head of a reply in pieces. */
  head(head: Uint8Array, endStream?: boolean): void;
  /** A piece of the body, under the same rule as in reply(). False when a lot is waiting: ondrain comes when it is gone. */
  write(data: Uint8Array): boolean;
  ondrain: (() => void) | undefined;
  end(trailers?: Uint8Array): void;
  /** Ends the call with RST_STREAM and an error code of HTTP/2 ({@link ERROR_CODES}). */
  reset(code: number): void;
}
