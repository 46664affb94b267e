// What is still coming of a request that has been answered.

import type { IncomingMessage } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { UNREAD_REQUEST_MS } from "../base/limits.ts";

/**
 * Discards what is still coming of a request that has been answered (it was too large, or its sender has not logged in), so
 * that the connection carries further ones; and gives up a sender that neither goes on nor stops: Node keeps such a request,
 * and a stopping server waits for it, until all of it has been read. Giving it up at once would cost some clients the answer.
 */
export function discardUnread(request: IncomingMessage | Http2ServerRequest, response: Writable): void {
  // What goes wrong on a request that nobody reads any more concerns nobody.
  request.on("error", () => {});
  const { answer, source, isOver, giveUp } = unreadOf(request, response);
  answer.once("finish", () => {
    if (isOver()) return;
    // Whoever read the request so far would pause it again.
    source.removeAllListeners("data").resume();
    const timer = setTimeout(giveUp, UNREAD_REQUEST_MS);
    source.once("close", () => clearTimeout(timer));
  });
}

interface Unread {
  /** Finishes when the request has been answered. */
  readonly answer: Writable;
  /** Where the rest of the request comes from. */
  readonly source: Readable;
  /** Whether all of it has come. */
  readonly isOver: () => boolean;
  readonly giveUp: () => void;
}

function unreadOf(request: IncomingMessage | Http2ServerRequest, response: Writable): Unread {
  if ("stream" in request) {
    const { stream } = request;
    const giveUp = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
    return { answer: stream, source: stream, isOver: () => stream.readableEnded, giveUp };
  }
  const { socket } = request;
  return { answer: response, source: request, isOver: () => request.complete, giveUp: () => socket.destroy() };
}
