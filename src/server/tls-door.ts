// What comes before the first byte of a protocol on a port that speaks TLS:
//
//   first byte 0x16 ──▶ handshake, within PREFACE_TIMEOUT_MS ──▶ whoever asked for the connection
//   anything else   ──▶ an answer in the protocol of who sent it, that this port speaks TLS; then closed
//
// A handshake that fails or takes too long ends its own connection.

import type { Socket } from "node:net";
import type { TLSSocket, Server as TlsServer } from "node:tls";
import { CONNECTION_LINGER_MS } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { FRAME_HEADER_BYTES, GOAWAY, SETTINGS, writeFrameHeader, writeUint32 } from "../http2/frames.ts";
import { ERROR_CODES } from "../http2/http2-error.ts";
import type { Tls } from "./tls.ts";

/** The first byte of a handshake record (RFC 8446, section 5.1). */
export const TLS_HANDSHAKE = 0x16;
const [FIRST_LETTER, LAST_LETTER] = [0x41, 0x5a];
const ADVICE = "this port speaks TLS, and was asked without it";

export interface TlsDoorOptions {
  readonly logger: Logger;
  /** How long a handshake may take. */
  readonly timeoutMs: number;
  /** Gets every connection whose handshake went well. */
  onSecure(socket: TLSSocket): void;
}

export class TlsDoor {
  readonly #server: TlsServer;
  /** Connections whose handshake is under way, by the addresses of both ends. */
  readonly #handshakes = new Map<string, Socket>();

  constructor(tls: Tls, { logger, timeoutMs, onSecure }: TlsDoorOptions) {
    this.#server = tls.createServer({ ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: timeoutMs });
    this.#server.on("secureConnection", (socket) => {
      this.#handshakes.delete(endsOf(socket));
      // HTTP/2 forbids it (RFC 9113, section 9.2.1), and nobody needs it.
      socket.disableRenegotiation();
      onSecure(socket);
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      logger.debug({ peer: socket.remoteAddress, code: error.code, reason: error.message }, "a TLS handshake failed");
      socket.destroy();
    });
  }

  /** Takes a connection that began with TLS_HANDSHAKE. */
  accept(socket: Socket, first: Uint8Array): void {
    const ends = endsOf(socket);
    this.#handshakes.set(ends, socket);
    socket.once("close", () => {
      if (this.#handshakes.get(ends) === socket) this.#handshakes.delete(ends);
    });
    socket.pause();
    socket.unshift(first);
    this.#server.emit("connection", socket);
  }

  /** Ends the handshakes under way. */
  close(): void {
    for (const socket of this.#handshakes.values()) socket.destroy();
    // Never listened: this only tells those who follow it.
    this.#server.emit("close");
  }
}

/** Ends a connection that did not begin with TLS, with an answer that its sender understands. */
export function answerWithoutTls(socket: Socket, protocol: "http1" | "http2", first: Uint8Array): void {
  const letter = first[0] ?? 0;
  if (letter < FIRST_LETTER || letter > LAST_LETTER) {
    socket.destroy();
    return;
  }
  // Whatever still comes is thrown away: unread bytes would take the answer back.
  const timer = setTimeout(() => socket.destroy(), CONNECTION_LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroy()).resume();
  socket.end(protocol === "http2" ? goAway() : badRequest());
}

function badRequest(): string {
  const body = `${ADVICE}: use https://\n`;
  return [
    "HTTP/1.1 400 Bad Request",
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

/** SETTINGS, then GOAWAY with the advice as its debug data. */
function goAway(): Uint8Array {
  const advice = Buffer.from(ADVICE);
  const frames = Buffer.alloc(2 * FRAME_HEADER_BYTES + 8 + advice.length);
  writeFrameHeader(frames, 0, 0, SETTINGS, 0, 0);
  writeFrameHeader(frames, FRAME_HEADER_BYTES, 8 + advice.length, GOAWAY, 0, 0);
  writeUint32(frames, 2 * FRAME_HEADER_BYTES + 4, ERROR_CODES.INADEQUATE_SECURITY);
  frames.set(advice, 2 * FRAME_HEADER_BYTES + 8);
  return frames;
}

function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
