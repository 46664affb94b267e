// Requests that call no method: files of the page, and what is not there. One answer, whichever transport sends it.

import { escapeGrpcMessage } from "./grpc-message.ts";
import type { Page } from "./page.ts";

/** What there is to know about such a request. */
export interface PlainRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly contentType: string;
  readonly ifNoneMatch: string | undefined;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none. Not sent in answer to HEAD. */
  readonly body: Uint8Array;
  readonly trailers?: Readonly<Record<string, string>>;
}

const GRPC_UNIMPLEMENTED = "12";
const NOTHING = new Uint8Array();

export function plainAnswer(request: PlainRequest, page: Page): PlainAnswer {
  return fileOf(page, request) ?? unknownMethod(request);
}

/** A request that HTTP does not allow. */
export const BAD_REQUEST: PlainAnswer = text(400, "the request names no host or no path\n");

function fileOf(page: Page, { method, path, ifNoneMatch }: PlainRequest): PlainAnswer | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const file = page.get(path);
  if (file === undefined) {
    if (path !== "/") return undefined;
    return text(404, "The page is not built: npm run build:web. The interface itself is served on this port.\n");
  }
  const { "content-length": length = "0", ...headers } = file.headers;
  if (ifNoneMatch === file.headers["etag"]) return { status: 304, headers, body: NOTHING };
  return {
    status: 200,
    headers: { ...headers, "content-length": length },
    body: file.content,
  };
}

/** There is no such method: said in the protocol that was asked in, so that a client reports "unimplemented". */
function unknownMethod({ method, path, contentType }: PlainRequest): PlainAnswer {
  const message = `unknown method ${path}`;
  const status = { "grpc-status": GRPC_UNIMPLEMENTED, "grpc-message": escapeGrpcMessage(message) };
  if (contentType.startsWith("application/grpc-web")) {
    const isText = contentType.startsWith("application/grpc-web-text");
    return { status: 200, headers: { "content-type": contentType }, body: grpcWebTrailers(status, isText) };
  }
  if (contentType.startsWith("application/grpc")) {
    return { status: 200, headers: { "content-type": contentType }, body: NOTHING, trailers: status };
  }
  if (method !== "POST") return text(404, "there is nothing here\n");
  return text(404, JSON.stringify({ code: "unimplemented", message }), "application/json");
}

/** The last frame of a gRPC-Web answer: flag 0x80, length (4 bytes, big-endian), trailers as header lines. */
function grpcWebTrailers(trailers: Readonly<Record<string, string>>, base64: boolean): Uint8Array {
  const lines = Object.entries(trailers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const frame = Buffer.alloc(5 + Buffer.byteLength(lines));
  frame[0] = 0x80;
  frame.writeUInt32BE(frame.length - 5, 1);
  frame.write(lines, 5);
  return base64 ? Buffer.from(frame.toString("base64")) : frame;
}

function text(status: number, content: string, type = "text/plain; charset=utf-8"): PlainAnswer {
  return { status, headers: { "content-type": type, "x-content-type-options": "nosniff" }, body: Buffer.from(content) };
}
