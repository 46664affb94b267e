// What a request is that Node's own HTTP servers took: a unary call in JSON (the short way), any other call of a known
// method (Connect router: gRPC, gRPC-Web, Connect), a file of the page, or neither. Every answer, whatever it is, says which
// server gave it.

import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UNREAD_REQUEST_MS } from "../base/limits.ts";
import { peerKey } from "../services/connect.ts";
import { BudgetShare, countBody } from "./byte-budget.ts";
import type { DoorOptions } from "./doors.ts";
import { escapeAsGrpc } from "./grpc-message.ts";
import { jsonUnaryCall } from "./json-unary.ts";
import { BAD_REQUEST, type PlainAnswer, plainAnswer } from "./plain-answer.ts";

type Request = IncomingMessage | Http2ServerRequest;
/** An HTTP/2 answer has the same methods, under types that do not overlap. */
type Response = ServerResponse;

export type RequestHandler = (request: Request, response: ServerResponse | Http2ServerResponse) => void;

/** Serves HTTP/1.1 and, under the stock transport, HTTP/2. */
export function requestHandler(options: DoorOptions): RequestHandler {
  const { routes, routerOptions, unary, page, headers, messageBytesMax, budget, publicBudget, stopping } = options;
  const route = connectNodeAdapter({
    ...routerOptions,
    routes,
    fallback: (request, response) => send(response as Response, plainAnswer(plainRequestOf(request), page)),
    contextValues: (request) => createContextValues().set(peerKey, request.socket.remoteAddress ?? ""),
  });
  const answerJson = jsonUnaryCall(options);

  return (request, anyResponse) => {
    const response = anyResponse as Response;
    if (request.httpVersionMajor === 1) {
      if (stopping.aborted) response.setHeader("connection", "close");
      else if (answerJson(request as IncomingMessage, response)) return;
    }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { "content-type": type, "content-length": contentLength } = request.headers;
    const isGrpc = type?.startsWith("application/grpc") ?? false;
    if (isGrpc) escapeAsGrpc(response);
    const path = pathOf(request);
    if (path === undefined) return send(response, BAD_REQUEST);
    discardUnread(request, response);
    const method = unary.get(path);
    const bytesMax = method?.messageBytesMax ?? messageBytesMax;
    const share = new BudgetShare(method?.isPublic ? publicBudget : budget, { contentLength, isGrpc, bytesMax });
    countBody(request, share);
    response.once("close", () => share.end());
    route(request, response);
  };
}

/**
 * Discards what is still coming of a request that has been answered (it was too large, or its sender has not logged in), so
 * that the connection carries further ones; and gives up a sender that neither goes on nor stops: Node keeps such a request,
 * and a stopping server waits for it, until all of it has been read. Giving it up at once would cost some clients the answer.
 */
function discardUnread(request: Request, response: Response): void {
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

function unreadOf(request: Request, response: Response): Unread {
  if ("stream" in request) {
    const { stream } = request;
    const giveUp = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
    return { answer: stream, source: stream, isOver: () => stream.readableEnded, giveUp };
  }
  const { socket } = request;
  return { answer: response, source: request, isOver: () => request.complete, giveUp: () => socket.destroy() };
}

/** Path without query; undefined for a request without one or without a host, which HTTP demands. */
function pathOf(request: Request): string | undefined {
  const host = "authority" in request ? request.authority : request.headers.host;
  if (host === undefined || host === "" || !URL.canParse(`http://${host}`)) return undefined;
  return request.url?.startsWith("/") ? request.url.split("?", 1)[0] : undefined;
}

function plainRequestOf(request: Request): Parameters<typeof plainAnswer>[0] {
  return {
    method: request.method ?? "",
    path: pathOf(request) ?? "",
    contentType: request.headers["content-type"] ?? "",
    ifNoneMatch: request.headers["if-none-match"],
  };
}

function send(response: Response, { status, headers, body, trailers }: PlainAnswer): void {
  response.writeHead(status, headers);
  if (trailers !== undefined) response.addTrailers(trailers);
  response.end(body);
}
