// What an HTTP request is: a call of a known method (Connect router: gRPC, gRPC-Web, Connect), a file of the page, or
// neither. Every answer, whatever it is, says which server gave it.

import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type ConnectRouter, type ConnectRouterOptions, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UNREAD_REQUEST_MS } from "../base/limits.ts";
import { peerKey } from "../services/connect.ts";
import { type ByteBudget, budgeted } from "./byte-budget.ts";
import { escapeAsGrpc, escapeGrpcMessage } from "./grpc-message.ts";
import type { Page } from "./page.ts";

type Request = IncomingMessage | Http2ServerRequest;
/** An HTTP/2 answer has the same methods, under types that do not overlap. */
type Response = ServerResponse;

export interface RequestHandlerOptions extends Pick<ConnectRouterOptions, "requestGate"> {
  readonly routes: (router: ConnectRouter) => void;
  readonly page: Page;
  /** On every answer, errors included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
  /** For the bodies of all requests together. */
  readonly budget: ByteBudget;
  /** Aborted when the server begins to stop. */
  readonly stopping: AbortSignal;
}

const GRPC_UNIMPLEMENTED = "12";

export function requestHandler(
  options: RequestHandlerOptions,
): (request: Request, response: ServerResponse | Http2ServerResponse) => void {
  const { routes, page, headers, messageBytesMax, budget, stopping, requestGate } = options;
  const handle = connectNodeAdapter({
    routes,
    fallback: (request, response) => {
      if (!servePage(page, request, response as Response)) refuseUnknown(request, response as Response);
    },
    contextValues: (request) => createContextValues().set(peerKey, request.socket.remoteAddress ?? ""),
    // The original never compresses, and on one machine it costs more than it saves.
    acceptCompression: [],
    readMaxBytes: messageBytesMax,
    shutdownSignal: stopping,
    ...(requestGate !== undefined && { requestGate }),
  });

  return (request, anyResponse) => {
    const response = anyResponse as Response;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (stopping.aborted && request.httpVersionMajor === 1) response.setHeader("connection", "close");
    if (request.headers["content-type"]?.startsWith("application/grpc")) escapeAsGrpc(response);
    if (pathOf(request) === undefined) return end(response, 400, "the request names no host or no path\n");
    discardUnread(request);
    response.once("close", budgeted(budget, { body: request, headers: request.headers, bytesMax: messageBytesMax }));
    handle(request, response);
  };
}

/**
 * Discards what is still coming of an HTTP/2 request that has been answered (it was too large, or its sender has not logged
 * in), and ends the stream of a sender that neither goes on nor stops: Node keeps a stream, and a stopping server waits for
 * it, until all of it has been read. Ending it at once would cost some clients the answer. HTTP/1.1 requests are discarded
 * by Node itself.
 */
function discardUnread(request: Request): void {
  if (!("stream" in request)) return;
  // What goes wrong on a stream that nobody reads any more concerns nobody.
  request.on("error", () => {});
  const { stream } = request;
  stream.once("finish", () => {
    if (stream.readableEnded) return;
    // Whoever read the request so far would pause the stream again.
    stream.removeAllListeners("data").resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), UNREAD_REQUEST_MS);
    stream.once("close", () => clearTimeout(timer));
  });
}

/** Path without query; undefined for a request without one or without a host, which HTTP demands. */
function pathOf(request: Request): string | undefined {
  const host = "authority" in request ? request.authority : request.headers.host;
  if (host === undefined || host === "" || !URL.canParse(`http://${host}`)) return undefined;
  return request.url?.startsWith("/") ? request.url.split("?", 1)[0] : undefined;
}

function servePage(page: Page, request: Request, response: Response): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const path = pathOf(request) ?? "";
  const file = page.get(path);
  if (file === undefined) {
    if (path !== "/") return false;
    end(response, 404, "The page is not built: npm run build:web. The interface itself is served on this port.\n");
    return true;
  }
  const unchanged = request.headers["if-none-match"] === file.headers["etag"];
  const { "content-length": length, ...headers } = file.headers;
  response.writeHead(unchanged ? 304 : 200, unchanged ? headers : { ...headers, "content-length": length });
  if (unchanged || request.method === "HEAD") response.end();
  else response.end(file.content);
  return true;
}

/** There is no such method: said in the protocol that was asked in, so that a client reports "unimplemented". */
function refuseUnknown(request: Request, response: Response): void {
  const type = request.headers["content-type"] ?? "";
  const message = `unknown method ${pathOf(request)}`;
  const status = { "grpc-status": GRPC_UNIMPLEMENTED, "grpc-message": escapeGrpcMessage(message) };
  if (type.startsWith("application/grpc-web")) {
    response.writeHead(200, { "content-type": type });
    response.end(grpcWebTrailers(status, type.startsWith("application/grpc-web-text")));
  } else if (type.startsWith("application/grpc")) {
    response.writeHead(200, { "content-type": type });
    response.addTrailers(status);
    response.end();
  } else if (request.method === "POST") {
    end(response, 404, JSON.stringify({ code: "unimplemented", message }), "application/json");
  } else {
    end(response, 404, "there is nothing here\n");
  }
}

/** The last frame of a gRPC-Web answer: flag 0x80, length (4 bytes, big-endian), trailers as header lines. */
function grpcWebTrailers(trailers: Readonly<Record<string, string>>, base64: boolean): Buffer | string {
  const text = Object.entries(trailers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const frame = Buffer.alloc(5 + Buffer.byteLength(text));
  frame[0] = 0x80;
  frame.writeUInt32BE(frame.length - 5, 1);
  frame.write(text, 5);
  return base64 ? frame.toString("base64") : frame;
}

function end(response: Response, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
  response.end(text);
}
