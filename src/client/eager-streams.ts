// Answers over TLS are read from the moment that a call is made. Node hands over all frames of a TLS record at once, and says
// "premature close" of an HTTP/2 stream that it has seen the end of before somebody began to iterate over it, although all of
// its bytes are there (24.21). Under many calls at once that happens to some of them.

import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { Http2SessionManager } from "@connectrpc/connect-node";

type Manager = Pick<Http2SessionManager, "authority" | "request" | "notifyResponseByteRead">;

/** The same connection, whose streams are iterated over from the beginning. */
export function eagerStreams(manager: Http2SessionManager): Manager {
  return {
    authority: manager.authority,
    request: async (method: string, path: string, headers: OutgoingHttpHeaders, options) =>
      begun(await manager.request(method, path, headers, options)),
    notifyResponseByteRead: (stream) => manager.notifyResponseByteRead(stream),
  };
}

function begun(stream: ClientHttp2Stream): ClientHttp2Stream {
  const chunks = stream[Symbol.asyncIterator]();
  let first: ReturnType<typeof chunks.next> | undefined = chunks.next();
  // Whoever asks for it hears of it; a call that fails earlier asks for nothing.
  first.catch(() => {});
  const next = chunks.next.bind(chunks);
  chunks.next = (...args) => {
    const answer = first ?? next(...args);
    first = undefined;
    return answer;
  };
  stream[Symbol.asyncIterator] = () => chunks;
  return stream;
}
