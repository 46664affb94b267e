// Methods that take a stream of requests, for the doors: what of such a stream may be in memory is another question than how
// long it is.

import { ChunkSchema } from "../../gen/immudb/schema/stream_pb.ts";
import type { ServedMethod } from "./pipeline.ts";

/** `chunks`: the messages are pieces of one stream of bytes, and where it is cut means nothing. */
export type RequestStreamKind = "chunks" | "messages";

/** By path, `/package.Service/Method`. */
export function requestStreams(methods: readonly ServedMethod[]): ReadonlyMap<string, RequestStreamKind> {
  const streams = new Map<string, RequestStreamKind>();
  for (const { path, descriptor } of methods) {
    if (descriptor.methodKind !== "client_streaming" && descriptor.methodKind !== "bidi_streaming") continue;
    streams.set(path, descriptor.input.typeName === ChunkSchema.typeName ? "chunks" : "messages");
  }
  return streams;
}
