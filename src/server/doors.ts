// What answers on the port, whichever transport carries it: HTTP/1.1 by Node's own server; HTTP/2 by our engine
// (src/http2), or by Node's (`--transport node`), to compare the two and to fall back on.

import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import type { Logger, Meter } from "../base/observe.ts";
import type { UnaryMethod } from "../services/unary.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type Http2Door, ownHttp2Door, stockHttp2Door } from "./http2-door.ts";
import type { Page } from "./page.ts";
import { requestHandler } from "./request-handler.ts";

export type Transport = "own" | "node";

export interface DoorOptions {
  /** Registers every method: the one place where that is done. */
  readonly routes: (router: ConnectRouter) => void;
  readonly routerOptions: ConnectRouterOptions;
  /** By path: unary methods that may be called past the router. */
  readonly unary: ReadonlyMap<string, UnaryMethod>;
  readonly page: Page;
  /** On every answer, errors included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
  /** For the bodies of all requests together. */
  readonly budget: ByteBudget;
  /** Aborted when the server begins to stop. */
  readonly stopping: AbortSignal;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface Doors {
  readonly http1: HttpServer;
  readonly http2: Http2Door;
}

export function openDoors(options: DoorOptions, transport: Transport): Doors {
  const handle = requestHandler(options);
  return {
    http1: createHttpServer(handle),
    http2: transport === "own" ? ownHttp2Door(options) : stockHttp2Door(handle),
  };
}
