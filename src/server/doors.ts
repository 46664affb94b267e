// What answers on the port, whichever transport carries it: HTTP/1.1 by Node's own server; HTTP/2 by our engine
// (src/http2), or by Node's (`--transport node`), to compare the two and to fall back on.

import type { Server as HttpServer } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import type { Logger, Meter } from "../base/observe.ts";
import type { RequestStreamKind } from "../services/request-streams.ts";
import type { UnaryMethod } from "../services/unary.ts";
import type { Browsers } from "./browsers.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type Http2Door, ownHttp2Door, stockHttp2Door } from "./http2-door.ts";
import type { Page } from "./page.ts";
import { requestHandler } from "./request-handler.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

// Imported as a module it would bring all of fetch with it, a fifth of the time that a start takes.
const { createServer: createHttpServer, STATUS_CODES } = process.getBuiltinModule("node:http");

export type Transport = "own" | "node";

export interface DoorOptions {
  /** Registers every method: the one place where that is done. */
  readonly routes: (router: ConnectRouter) => void;
  readonly routerOptions: ConnectRouterOptions;
  /** By path: unary methods that may be called past the router. */
  readonly unary: ReadonlyMap<string, UnaryMethod>;
  /** By path: methods that take a stream of requests. */
  readonly requestStreams: ReadonlyMap<string, RequestStreamKind>;
  readonly page: Page;
  readonly browsers: Browsers;
  /** On every answer, errors included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
  /** For the bodies of all requests together, and for those of calls that need no login. */
  readonly budget: ByteBudget;
  readonly publicBudget: ByteBudget;
  /** Say where calls come from; undefined: the connection does. */
  readonly proxies?: TrustedProxies | undefined;
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
    http1: createHttpServer(handle).on("clientError", answerNoRequest),
    http2: transport === "own" ? ownHttp2Door(options) : stockHttp2Door(handle),
  };
}

const REQUEST_LINE = /^\S+ \S+ HTTP\/1\.[01]\r?\n/;
/** By the code of the error that Node's parser found; 400 for all others. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what is no request of HTTP/1.1; what was never meant as one, whoever sent it would not understand the answer. */
function answerNoRequest(error: Error & { readonly code?: string; readonly rawPacket?: Buffer }, socket: Duplex): void {
  const status = STATUS_OF[error.code ?? ""] ?? 400;
  const isHttp = status !== 400 || REQUEST_LINE.test(error.rawPacket?.toString("latin1") ?? "");
  // An answer may be under way.
  const isUnanswered = !(socket instanceof Socket) || socket.bytesWritten === 0;
  if (!isHttp || !isUnanswered || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}
