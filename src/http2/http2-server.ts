// A server for HTTP/2 (RFC 9113) on sockets that others accept: net, TLS, or any stream of bytes. What it serves is for its
// owner to say, a call at a time.
//
//   socket ─▶ frame-reader ─▶ receiver ─▶ stream ─▶ onRequest, sink
//   socket ◀─ output ◀─ sender ◀─ stream ◀─ reply, or head, write, end

import type { Duplex } from "node:stream";
import { systemTimers, type Timers } from "../base/clock.ts";
import type { Logger, Meter } from "../base/observe.ts";
import { Connection } from "./connection.ts";
import { type Http2Limits, http2Limits } from "./http2-limits.ts";
import type { WaitingBytes } from "./sender.ts";
import type { ServerStream } from "./server-stream.ts";

const TICK_MS_MIN = 5;
const TICK_MS_MAX = 1000;

export interface Http2ServerOptions {
  /** A call has begun: its header fields are complete and valid. Sets the stream's sink. */
  onRequest(stream: ServerStream): void;
  /** Those of base/limits, where nothing else is said. */
  readonly limits?: Partial<Http2Limits>;
  readonly meter: Meter;
  /** Gets one line for each connection that is ended because of what its peer did. */
  readonly logger: Logger;
  readonly timers?: Timers;
}

export class Http2Server {
  readonly #options: Http2ServerOptions;
  readonly #limits: Http2Limits;
  readonly #tickMs: number;
  readonly #timers: Timers;
  readonly #waiting: WaitingBytes = { bytes: 0 };
  readonly #connections = new Set<Connection>();
  #stopTicking: (() => void) | undefined = undefined;
  #closing: PromiseWithResolvers<void> | undefined = undefined;

  constructor(options: Http2ServerOptions) {
    this.#options = options;
    this.#limits = http2Limits(options.limits);
    this.#timers = options.timers ?? systemTimers;
    const { prefaceTimeoutMs, headerBlockTimeoutMs, idleMs, stallMs, lingerMs, unreadRequestMs } = this.#limits;
    const shortest = Math.min(prefaceTimeoutMs, headerBlockTimeoutMs, idleMs, stallMs, lingerMs, unreadRequestMs);
    this.#tickMs = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, shortest / 4));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Serves a connection from its first byte on.
   *
   * @param peer address of the client
   * @param first bytes of it that were read already
   */
  accept(socket: Duplex, peer: string, first?: Uint8Array): void {
    if (socket.destroyed) return;
    const { meter, logger } = this.#options;
    const connection = new Connection(socket, peer, {
      limits: this.#limits,
      meter,
      logger,
      waiting: this.#waiting,
      onRequest: (stream) => this.#options.onRequest(stream),
      onClose: (closed) => this.#closed(closed),
    });
    this.#connections.add(connection);
    meter.gauge("immudb_ts_http2_connections", this.#connections.size);
    this.#stopTicking ??= this.#timers.after(this.#tickMs, () => this.#tick());
    connection.start(first);
    if (this.#closing !== undefined) connection.shutdown();
  }

  /**
   * Ends all connections once their calls have ended: clients are told to open no more (GOAWAY), and served until they know.
   * Resolves when all are closed.
   */
  close(): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    for (const connection of this.#connections) connection.shutdown();
    if (this.#connections.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  /** Ends all connections now. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#options.meter.gauge("immudb_ts_http2_connections", this.#connections.size);
    if (this.#connections.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    this.#closing?.resolve();
  }

  #tick(): void {
    this.#stopTicking = this.#timers.after(this.#tickMs, () => this.#tick());
    for (const connection of this.#connections) connection.tick(this.#tickMs);
  }
}
