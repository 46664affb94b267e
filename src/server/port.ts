// One port for every protocol: the first bytes of a connection say which server it belongs to.
//
//   accepted ──"PRI"──▶ HTTP/2 with prior knowledge
//       │    ──other──▶ HTTP/1.1
//       └── nothing within PREFACE_TIMEOUT_MS, or its end ──▶ closed
//
// With TLS the same is decided by the first bytes inside it; what the client chose by ALPN must agree, where it did choose:
//
//   accepted ──handshake──▶ tls-door ──"PRI"──▶ HTTP/2
//       │                      └──────other──▶ HTTP/1.1
//       └──────other──▶ told that this port speaks TLS
//
// No HTTP/1 method begins with PRI, so three bytes are enough; the HTTP/2 server checks the rest of the preface itself.

import type { Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { PREFACE_TIMEOUT_MS } from "../base/limits.ts";
import { type Logger, silentLogger } from "../base/observe.ts";
import { StartError } from "./errors.ts";
import type { Http2Door } from "./http2-door.ts";
import type { Tls } from "./tls.ts";
import { answerWithoutTls, TLS_HANDSHAKE, TlsDoor } from "./tls-door.ts";

const HTTP2_START = Buffer.from("PRI");
const ALPN_NAMES: Readonly<Record<Protocol, string>> = { http1: "http/1.1", http2: "h2" };

type Protocol = "http1" | "http2";

/** Which protocol begins so; undefined while that is open. */
export function protocolOf(first: Uint8Array): Protocol | undefined {
  for (let i = 0; i < HTTP2_START.length; i++) {
    if (i === first.length) return undefined;
    if (first[i] !== HTTP2_START[i]) return "http1";
  }
  return "http2";
}

export interface PortOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly http1: HttpServer;
  readonly http2: Http2Door;
  /** Absent: connections are served as they come. */
  readonly tls?: Tls | undefined;
  readonly logger?: Logger;
  readonly prefaceTimeoutMs?: number;
}

/** Takes connections and hands them on. Closing it lets requests under way end. */
export class Port {
  readonly #listener: Server;
  readonly #http1: HttpServer;
  readonly #http2: Http2Door;
  readonly #tls: TlsDoor | undefined;
  readonly #prefaceTimeoutMs: number;
  readonly #sockets = new Set<Socket>();
  readonly #undecided = new Set<Socket>();

  private constructor({ http1, http2, tls, logger = silentLogger, prefaceTimeoutMs }: PortOptions) {
    this.#http1 = http1;
    this.#http2 = http2;
    this.#prefaceTimeoutMs = prefaceTimeoutMs ?? PREFACE_TIMEOUT_MS;
    const onSecure = (socket: TLSSocket): void => this.#decide(socket, (first) => this.#serveSecure(socket, first));
    this.#tls = tls && new TlsDoor(tls, { logger, timeoutMs: this.#prefaceTimeoutMs, onSecure });
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    // The HTTP/1.1 server never listens itself, and its timeouts for slow requests begin with this event.
    http1.emit("listening");
  }

  /** Throws StartError when the address cannot be had. */
  static async listen(options: PortOptions): Promise<Port> {
    const port = new Port(options);
    await new Promise<void>((resolve, reject) => {
      port.#listener.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(options, error)));
      port.#listener.listen(options.port, options.address, resolve);
    });
    return port;
  }

  /** The port that was taken. */
  get number(): number {
    const address = this.#listener.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Takes no more connections, waits until requests under way have been answered, at most `graceMs`, and closes all. */
  async close(graceMs: number): Promise<void> {
    this.#listener.close();
    for (const socket of this.#undecided) socket.destroy();
    this.#tls?.close();
    this.#http2.close();
    this.#http1.close();
    const deadline = Date.now() + graceMs;
    while (this.#sockets.size > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      // A connection kept open for further requests becomes idle when its answer is out.
      this.#http1.closeIdleConnections();
    }
    this.#http2.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#decide(socket, (first) =>
      this.#tls === undefined ? this.#serve(socket, first) : this.#secure(socket, first, this.#tls),
    );
  }

  /** Asks `choose` with what has come, until it answers with what to do with the connection. */
  #decide(socket: Socket, choose: (first: Buffer) => (() => void) | undefined): void {
    // Asked now and kept by the socket: of a connection that its client has reset nobody can tell any more whose it was, though
    // what it sent can still be read. Nobody is served whose address is not known.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    this.#undecided.add(socket);
    // What goes wrong on a connection concerns its client only; the servers hear of it themselves.
    socket.on("error", () => socket.destroy());
    let first: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(), this.#prefaceTimeoutMs);
    const decided = (): void => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
    };
    const onEnd = (): void => void socket.destroy();
    const onData = (chunk: Buffer): void => {
      first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
      const begin = choose(first);
      if (begin === undefined) return;
      decided();
      socket.off("data", onData).off("end", onEnd);
      begin();
    };
    socket.on("data", onData).on("end", onEnd);
    socket.once("close", decided);
  }

  #serve(socket: Socket, first: Buffer): (() => void) | undefined {
    switch (protocolOf(first)) {
      case "http2":
        return () => this.#http2.accept(socket, first);
      case "http1":
        return () => this.#serveHttp1(socket, first);
      case undefined:
        return undefined;
    }
  }

  #serveSecure(socket: TLSSocket, first: Buffer): (() => void) | undefined {
    const protocol = protocolOf(first);
    const { alpnProtocol } = socket;
    const agrees = protocol === undefined || !alpnProtocol || alpnProtocol === ALPN_NAMES[protocol];
    return agrees ? this.#serve(socket, first) : () => void socket.destroy();
  }

  #secure(socket: Socket, first: Buffer, tls: TlsDoor): (() => void) | undefined {
    if (first[0] === TLS_HANDSHAKE) return () => tls.accept(socket, first);
    const protocol = protocolOf(first);
    return protocol === undefined ? undefined : () => answerWithoutTls(socket, protocol, first);
  }

  #serveHttp1(socket: Socket, first: Uint8Array): void {
    socket.pause();
    socket.unshift(first);
    this.#http1.emit("connection", socket);
    socket.resume();
  }
}

/** Why an address cannot be had, and what to do about it. */
export function cannotListen(
  { address, port }: Pick<PortOptions, "address" | "port">,
  error: NodeJS.ErrnoException,
): StartError {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: "stop what uses it, or choose another one with --port",
    EACCES: "ports below 1024 are reserved: choose another one with --port",
    EADDRNOTAVAIL: "choose an address of this machine with --address",
  };
  const hint = hints[error.code ?? ""] ?? "choose another with --address and --port";
  return new StartError(`cannot listen on ${address}:${port}: ${error.message}`, hint, error);
}
