// The port of the product with the suite's service behind it, over either transport.

import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { INFLIGHT_BYTES_MAX } from "../../src/base/limits.ts";
import { ByteBudget } from "../../src/server/byte-budget.ts";
import { Port } from "../../src/server/port.ts";
import { requestHandler } from "../../src/server/request-handler.ts";
import { conformanceRoutes } from "./service.ts";

/** `node`: Connect's adapter over Node's HTTP/2. `own`: src/http2. */
export const TRANSPORTS = ["node"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Serves on a free port of the loopback address until the process ends. */
export async function serve(_transport: Transport, messageBytesMax: number): Promise<Port> {
  const handle = requestHandler({
    routes: conformanceRoutes,
    page: new Map(),
    headers: {},
    messageBytesMax,
    budget: new ByteBudget(INFLIGHT_BYTES_MAX),
    stopping: new AbortController().signal,
  });
  return await Port.listen({
    address: "127.0.0.1",
    port: 0,
    http1: createHttpServer(handle),
    http2: createHttp2Server({}, handle),
  });
}
