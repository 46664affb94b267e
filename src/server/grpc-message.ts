// How a status text travels in the trailer `grpc-message`. gRPC escapes only what a header cannot carry (control characters,
// what is not ASCII, and "%" itself), and some clients, such as grpc-js, unescape no more than that. Connect escapes like a
// URL component, so that they would show "tbtree%3A key not found" and no longer recognise the text.

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** White space at either end is no part of a header's value: clients on nghttp2 drop the field. */
const CANNOT_TRAVEL = /[^\x20-\x24\x26-\x7e]+|^ | $/gu;

/** Whether this is the content type of gRPC or gRPC-Web. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType?.startsWith("application/grpc") ?? false;
}

/** The trailer's form of a text. */
export function escapeGrpcMessage(text: string): string {
  return text.replace(CANNOT_TRAVEL, encodeURIComponent);
}

/** Makes an answer carry the message of its status as gRPC does, whoever sets it. */
export function escapeAsGrpc(response: ServerResponse): void {
  const addTrailers = response.addTrailers.bind(response);
  response.addTrailers = (trailers) => {
    const { "grpc-message": message } = trailers as OutgoingHttpHeaders;
    if (typeof message !== "string") return addTrailers(trailers);
    addTrailers({ ...trailers, "grpc-message": escapeGrpcMessage(decodeURIComponent(message)) });
  };
}
