// Connect's JSON over HTTP/1.1 for load: a POST at a time on a socket that stays open. Answers carry a length or come in
// chunks; anything but status 200 is a failure.

import { connect, type Socket } from "node:net";
import { type Answer, type Connection, type Door, hostAndPort } from "./connection.ts";

const HEAD_END = Buffer.from("\r\n\r\n");

export class JsonConnection implements Connection {
  readonly failed: Promise<never>;
  readonly #socket: Socket;
  readonly #head: string;
  readonly #fail: (error: Error) => void;
  #rest: Buffer = Buffer.alloc(0);
  #answered: ((answer: Answer) => void) | undefined;
  #closed = false;

  private constructor({ address, path, sessionId }: Door, socket: Socket) {
    this.#socket = socket;
    const session = sessionId === undefined ? "" : `sessionid: ${sessionId}\r\n`;
    this.#head = `POST ${path} HTTP/1.1\r\nhost: ${address}\r\ncontent-type: application/json\r\nconnect-protocol-version: 1\r\n${session}content-length: `;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = (error) => {
      reject(error);
      socket.destroy();
    };
  }

  static async open(door: Door): Promise<JsonConnection> {
    const socket = connect({ ...hostAndPort(door.address), noDelay: true });
    const connection = new JsonConnection(door, socket);
    socket.on("data", (chunk) => connection.#read(chunk));
    socket.on("error", (error) => connection.#fail(error));
    socket.on("close", () => connection.#closed || connection.#fail(new Error("the server closed the connection")));
    const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
    await Promise.race([connected, connection.failed]);
    return connection;
  }

  /** One request at a time. */
  send(message: Uint8Array, answered: (answer: Answer) => void): void {
    this.#answered = answered;
    this.#socket.write(Buffer.concat([Buffer.from(`${this.#head}${message.length}\r\n\r\n`, "latin1"), message]));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const headEnd = this.#rest.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#rest.toString("latin1", 0, headEnd + 2);
    const start = headEnd + HEAD_END.length;
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
    const body = length === undefined ? chunked(this.#rest, start) : sized(this.#rest, start, Number(length));
    if (body === undefined) return;
    this.#rest = this.#rest.subarray(body.end);
    if (!head.startsWith("HTTP/1.1 200 ")) {
      this.#fail(new Error(`refused: ${head.split("\r\n")[0]}: ${body.bytes}`));
      return;
    }
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.({ message: () => body.bytes });
  }
}

interface Body {
  readonly bytes: Buffer;
  /** Where what follows it begins. */
  readonly end: number;
}

function sized(all: Buffer, start: number, length: number): Body | undefined {
  const end = start + length;
  return all.length < end ? undefined : { bytes: all.subarray(start, end), end };
}

/** RFC 9112, section 7.1, without extensions and trailers. Undefined while it is not all there. */
function chunked(all: Buffer, start: number): Body | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = all.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(all.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + length + 2;
    if (Number.isNaN(length) || all.length < end) return undefined;
    if (length === 0) return { bytes: Buffer.concat(parts), end };
    parts.push(all.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
