// What a request is that our HTTP/2 engine took. The decision is made from the header fields alone and remembered with them:
// a client that repeats its calls sends the same block of fields, which the engine gives us as the same object.
//
//   POST, application/grpc[+proto], identity, a known unary method ──▶ the short way (grpc-unary.ts)
//   any other request for a known method                         ──▶ the router's universal handlers (universal-call.ts)
//   anything else                                                ──▶ the page, or nothing there (plain-answer.ts)

import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { encodeFields, type HeaderFields } from "../http2/header-fields.ts";
import type { ServerStream } from "../http2/server-stream.ts";
import type { UnaryMethod } from "../services/unary.ts";
import type { DoorOptions } from "./doors.ts";
import { GrpcReplies } from "./grpc-replies.ts";
import { GrpcUnaryCall } from "./grpc-unary.ts";
import { BAD_REQUEST, type PlainAnswer, type PlainRequest, plainAnswer } from "./plain-answer.ts";
import { UniversalCalls } from "./universal-call.ts";

/** Where a request goes. */
type Route =
  | {
      readonly kind: "unary";
      readonly method: UnaryMethod;
      readonly handler: UniversalHandler;
      readonly timeoutMs: number | undefined;
    }
  | { readonly kind: "call"; readonly handler: UniversalHandler }
  | { readonly kind: "plain"; readonly answer: PlainAnswer };

const NOTHING = new Uint8Array();
const GRPC_PROTO = /^application\/grpc(?:\+proto)?$/i;

export function streamHandler(door: DoorOptions): (stream: ServerStream) => void {
  const router = createConnectRouter(door.routerOptions);
  door.routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const ownFields = Object.entries(door.headers);
  const calls = new UniversalCalls(door, ownFields);
  const unary = { ...door, replies: new GrpcReplies(ownFields), calls };

  const routeOf = (headers: HeaderFields): Route => {
    const [path = ""] = headers.path.split("?", 1);
    const handler = handlers.get(path);
    if (headers.authority === "" || !URL.canParse(`http://${headers.authority}`) || !path.startsWith("/")) {
      return { kind: "plain", answer: BAD_REQUEST };
    }
    const preflight = door.browsers.preflight(headers.method, (name) => headers.get(name));
    if (preflight !== undefined) return { kind: "plain", answer: preflight };
    if (handler === undefined) return { kind: "plain", answer: plainAnswer(plainRequestOf(headers, path), door.page) };
    const method = door.unary.get(headers.path);
    if (method === undefined || headers.method !== "POST" || !GRPC_PROTO.test(headers.get("content-type") ?? "")) {
      return { kind: "call", handler };
    }
    const encoding = headers.get("grpc-encoding") ?? "identity";
    const { timeoutMs, error } = parseTimeout(headers.get("grpc-timeout") ?? null, Number.MAX_SAFE_INTEGER);
    if (encoding !== "identity" || error !== undefined) return { kind: "call", handler };
    return { kind: "unary", method, handler, timeoutMs };
  };

  return (stream) => {
    const { headers } = stream;
    if (headers.memo === undefined) headers.memo = routeOf(headers);
    const route = headers.memo as Route;
    switch (route.kind) {
      case "unary":
        new GrpcUnaryCall(stream, route.method, route.handler, route.timeoutMs, unary).begin();
        break;
      case "call":
        calls.run(stream, route.handler);
        break;
      case "plain":
        send(stream, route.answer, [...ownFields, ...door.browsers.fields(headers.get("origin"))]);
    }
  };
}

function plainRequestOf(headers: HeaderFields, path: string): PlainRequest {
  return {
    method: headers.method,
    path,
    contentType: headers.get("content-type") ?? "",
    ifNoneMatch: headers.get("if-none-match"),
  };
}

function send(stream: ServerStream, answer: PlainAnswer, ownFields: readonly (readonly [string, string])[]): void {
  const head = encodeFields([[":status", String(answer.status)], ...ownFields, ...Object.entries(answer.headers)]);
  const trailers = answer.trailers === undefined ? undefined : encodeFields(Object.entries(answer.trailers));
  stream.reply(head, stream.headers.method === "HEAD" ? NOTHING : answer.body, trailers);
}
