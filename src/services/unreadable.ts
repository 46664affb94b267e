// A request whose bytes are no message, or are compressed in no way that was agreed, is its sender's mistake,
// `invalid_argument`; the Connect library calls it `internal`. Where it reads a method's only request, its answer is corrected
// on the way out. It is then all that is sent:
//
//   gRPC             trailers: grpc-status 13, grpc-message
//   gRPC-Web         one frame of flag 80: the same as text
//   Connect          HTTP 500 and JSON {"code":"internal","message":…}; of a stream one frame of flag 02, with it as "error"

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";

/** How the library's texts begin. */
const UNREADABLE = /^(?:parse binary: |received compressed envelope)/;
const FLAG_GRPC_WEB_TRAILERS = 0x80;
const FLAG_CONNECT_END = 0x02;
const HTTP_BAD_REQUEST = 400;
const HTTP_INTERNAL = 500;

/** The requests of a stream, for a handler that takes many. */
export async function* readable<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    if (!(error instanceof ConnectError && error.code === Code.Internal && UNREADABLE.test(error.rawMessage)))
      throw error;
    throw new ConnectError(error.rawMessage, Code.InvalidArgument);
  }
}

/** Corrects what the router's handlers of methods with a single request answer: of all that are registered by now. */
export function blameSenders(router: ConnectRouter): void {
  const { handlers } = router;
  for (const [i, handler] of handlers.entries()) {
    const { methodKind } = handler.method;
    if (methodKind === "unary" || methodKind === "server_streaming") handlers[i] = blaming(handler);
  }
}

function blaming(handler: UniversalHandler): UniversalHandler {
  const { service, method, requestPath, protocolNames, allowedMethods, supportedContentType } = handler;
  return Object.assign(async (request: Parameters<UniversalHandler>[0]) => corrected(await handler(request)), {
    service,
    method,
    requestPath,
    protocolNames,
    allowedMethods,
    supportedContentType,
  });
}

async function corrected(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  const { status, trailer, body } = response;
  if (trailer !== undefined) {
    const text = decodeURIComponent(trailer.get("grpc-message") ?? "");
    if (trailer.get("grpc-status") === String(Code.Internal) && UNREADABLE.test(text)) {
      trailer.set("grpc-status", String(Code.InvalidArgument));
    }
    return response;
  }
  const pieces = body?.[Symbol.asyncIterator]();
  const first = await pieces?.next();
  if (pieces === undefined || first === undefined || first.done === true) return { ...response, body: nothing() };
  if (status !== HTTP_INTERNAL) return { ...response, body: chained(correctedFrame(first.value), pieces) };
  const piece = correctedJson(first.value);
  if (piece === first.value) return { ...response, body: chained(piece, pieces) };
  response.header?.set("content-length", String(piece.length));
  return { ...response, status: HTTP_BAD_REQUEST, body: chained(piece, pieces) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* chained(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** The same bytes, unless they are a frame that ends an answer of which nothing came, for that reason. */
function correctedFrame(frame: Uint8Array): Uint8Array {
  const flag = frame[0];
  if (flag !== FLAG_GRPC_WEB_TRAILERS && flag !== FLAG_CONNECT_END) return frame;
  const body = frame.subarray(5);
  const content = flag === FLAG_CONNECT_END ? correctedJson(body) : correctedTrailers(body);
  if (content === body) return frame;
  const out = new Uint8Array(5 + content.length);
  out[0] = flag;
  new DataView(out.buffer).setUint32(1, content.length);
  out.set(content, 5);
  return out;
}

function correctedJson(json: Uint8Array): Uint8Array {
  const answer = JSON.parse(new TextDecoder().decode(json));
  const error = answer.error ?? answer;
  if (error.code !== "internal" || !UNREADABLE.test(String(error.message))) return json;
  error.code = "invalid_argument";
  return new TextEncoder().encode(JSON.stringify(answer));
}

function correctedTrailers(trailers: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(trailers);
  const [, message = ""] = /^grpc-message: *(.*?)\r?$/im.exec(text) ?? [];
  if (!/^grpc-status: *13\r?$/im.test(text) || !UNREADABLE.test(decodeURIComponent(message))) return trailers;
  return new TextEncoder().encode(text.replace(/^(grpc-status: *)13/im, `$1${Code.InvalidArgument}`));
}
