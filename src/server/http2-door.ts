// The two that speak HTTP/2, behind what the port needs of them.

import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import {
  CONNECTION_MEMORY_MB_MAX,
  CONNECTION_STREAMS_MAX,
  CONNECTION_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
} from "../base/limits.ts";
import { Http2Server } from "../http2/http2-server.ts";
import type { DoorOptions } from "./doors.ts";
import type { RequestHandler } from "./request-handler.ts";
import { streamHandler } from "./stream-handler.ts";
import { UNKNOWN_ADDRESS } from "./trusted-proxies.ts";

/** Serves HTTP/2 connections that the port took. */
export interface Http2Door {
  /** `first`: what has been read of the connection already. */
  accept(socket: Socket, first: Uint8Array): void;
  /** Asks every client to open no more streams; each connection closes when its streams have been answered. */
  close(): void;
  /** Closes all connections at once. */
  destroy(): void;
}

export function ownHttp2Door(options: DoorOptions): Http2Door {
  const { logger, meter } = options;
  const server = new Http2Server({ onRequest: streamHandler(options), logger, meter });
  return {
    accept: (socket, first) => server.accept(socket, socket.remoteAddress ?? UNKNOWN_ADDRESS, first),
    close: () => void server.close(),
    destroy: () => server.destroy(),
  };
}

export function stockHttp2Door(handle: RequestHandler): Http2Door {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server(
    {
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: CONNECTION_STREAMS_MAX },
      maxSessionMemory: CONNECTION_MEMORY_MB_MAX,
    },
    handle,
  );
  server.on("session", (session: ServerHttp2Session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  return {
    accept: (socket, first) => {
      socket.pause();
      socket.unshift(first);
      // What the connection began with says more: Node would turn away a client that has no ALPN.
      if (socket instanceof TLSSocket) socket.alpnProtocol = "h2";
      server.emit("connection", socket);
    },
    close: () => {
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
    },
  };
}
