// The servers that h2spec is let loose on.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import { encodeFields } from "../../src/http2/header-fields.ts";
import { Http2Server } from "../../src/http2/http2-server.ts";
import type { ServerStream } from "../../src/http2/server-stream.ts";
import { startTestServer } from "../support/test-server.ts";
import { startTlsServer } from "../support/tls-server.ts";

export interface Listening {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One that a GET can make. */
const CALL = "/immudb.schema.ImmuService/Health?connect=v1&encoding=json&message=%7B%7D";

/** By name: how it is started, and what h2spec must be told to reach it. */
export const SERVERS: Readonly<Record<string, { start(): Promise<Listening>; args: readonly string[] }>> = {
  "a server's page": { start: () => startTestServer(), args: ["--path", "/"] },
  "a server's calls": { start: () => startTestServer(), args: ["--path", CALL] },
  "the engine": { start: () => listening((accept) => createServer(accept)), args: [] },
  "a server's page over TLS": { start: () => startTlsServer(), args: ["--path", "/", "--tls", "--insecure"] },
};

const HEAD = encodeFields([
  [":status", "200"],
  ["content-type", "text/plain"],
]);
const BODY = Buffer.from("an answer of more than one byte\n");

async function listening(create: (accept: (socket: Socket) => void) => Server): Promise<Listening> {
  const http2 = new Http2Server({ onRequest: answer, meter: silentMeter, logger: silentLogger });
  const server = create((socket) => http2.accept(socket, socket.remoteAddress ?? ""));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      http2.destroy();
      await once(server, "close");
    },
  };
}

/** Answers when the whole request is there. */
function answer(stream: ServerStream): void {
  stream.sink = {
    data: (chunk) => stream.consumed(chunk.length),
    end: () => stream.reply(HEAD, BODY, undefined),
    aborted: () => {},
  };
}
