// What a request is that Node's own HTTP servers took: a unary call in JSON (the short way), any other call of a known
// method (Connect router: gRPC, gRPC-Web, Connect), a file of the page, or neither. Every answer, whatever it is, says which
// server gave it.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { peerKey } from "../services/connect.ts";
import { countBody } from "./byte-budget.ts";
import { isEndlessDeadline } from "./deadline.ts";
import type { DoorOptions } from "./doors.ts";
import { escapeAsGrpc, isGrpc } from "./grpc-message.ts";
import { jsonUnaryCall } from "./json-unary.ts";
import { BAD_REQUEST, type PlainAnswer, type PlainRequest, plainAnswer } from "./plain-answer.ts";
import { shareOf, splitBody } from "./request-budget.ts";
import { requestAddress } from "./trusted-proxies.ts";
import { discardUnread } from "./unread.ts";

type Request = IncomingMessage | Http2ServerRequest;
/** An HTTP/2 answer has the same methods, under types that do not overlap. */
type Response = ServerResponse;

const DEADLINES = ["grpc-timeout", "connect-timeout-ms"];

export type RequestHandler = (request: Request, response: ServerResponse | Http2ServerResponse) => void;

/** Serves HTTP/1.1 and, under the stock transport, HTTP/2. */
export function requestHandler(options: DoorOptions): RequestHandler {
  const { routes, routerOptions, page, browsers, headers, proxies, stopping } = options;
  const route = connectNodeAdapter({
    ...routerOptions,
    routes,
    fallback: (request, response) => send(response as Response, plainAnswer(plainRequestOf(request), page)),
    contextValues: (request) => createContextValues().set(peerKey, requestAddress(proxies, request)),
  });
  const answerJson = jsonUnaryCall(options);

  return (request, anyResponse) => {
    const response = anyResponse as Response;
    const { origin } = request.headers;
    if (origin !== undefined) for (const [name, value] of browsers.fields(origin)) response.setHeader(name, value);
    if (request.httpVersionMajor === 1) {
      const refusal = browsers.refusalOfHost(request.headers.host ?? "");
      if (refusal !== undefined) return send(response, refusal);
      if (stopping.aborted) response.setHeader("connection", "close");
      else if (answerJson(request as IncomingMessage, response)) return;
    }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { "content-type": type, "content-length": contentLength } = request.headers;
    for (const name of DEADLINES)
      if (isEndlessDeadline(name, String(request.headers[name]))) delete request.headers[name];
    if (isGrpc(type)) escapeAsGrpc(response);
    const path = pathOf(request);
    if (path === undefined) return send(response, BAD_REQUEST);
    discardUnread(request, response);
    const preflight = browsers.preflight(request.method ?? "", (name) => request.headers[name]?.toString());
    if (preflight !== undefined) return send(response, preflight);
    const share = shareOf(options, path, { contentLength, isGrpc: isGrpc(type) });
    countBody(request, share);
    const counted = request[Symbol.asyncIterator].bind(request) as () => AsyncIterator<Uint8Array>;
    const body = splitBody(options, path, type, { [Symbol.asyncIterator]: counted }, share);
    request[Symbol.asyncIterator] = body[Symbol.asyncIterator].bind(body) as () => NodeJS.AsyncIterator<unknown>;
    response.once("close", () => share.end());
    route(request, response);
  };
}

/** Path without query; undefined for a request without one or without a host, which HTTP demands. */
function pathOf(request: Request): string | undefined {
  const host = "authority" in request ? request.authority : request.headers.host;
  if (host === undefined || host === "" || !URL.canParse(`http://${host}`)) return undefined;
  return request.url?.startsWith("/") ? request.url.split("?", 1)[0] : undefined;
}

function plainRequestOf(request: Request): PlainRequest {
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
