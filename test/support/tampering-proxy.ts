// Stands between a client and the real server (HTTP/1.1, Connect with binary messages) and lies. Without a lie it passes
// everything on as it is.
//
//   client ──request──▶ proxy ──▶ server          a lie sees the decoded request, may ask the server whatever it likes with
//   client ◀──answer─── proxy ◀── server          the caller's credentials, and makes up the answer

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";

/** Answers a call in the server's place; undefined: the truth. */
export type Lie = (call: Call) => Promise<Answer | undefined>;

/** What goes back to the client. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

type Unary = DescMethodUnary<DescMessage, DescMessage>;

const PATH = `/${ImmuService.typeName}/`;
const UNARY: ReadonlyMap<string, Unary> = new Map(
  ImmuService.methods.filter((method): method is Unary => method.methodKind === "unary").map((m) => [m.name, m]),
);
/** Headers that belong to one connection, or say how a body was packed that is no longer packed so. */
const OWN_HEADERS = ["connection", "keep-alive", "host", "content-length", "transfer-encoding", "content-encoding"];

/** One call under way. */
export class Call {
  readonly method: Unary;
  readonly request: Message;
  readonly #server: string;
  readonly #headers: Headers;

  constructor(server: string, method: Unary, headers: Headers, request: Message) {
    this.#server = server;
    this.method = method;
    this.#headers = headers;
    this.request = request;
  }

  /** The request, when the call is of this method. */
  requestOf<I extends DescMessage>(method: DescMethodUnary<I, DescMessage>): MessageShape<I> | undefined {
    return this.method.name === method.name ? (this.request as MessageShape<I>) : undefined;
  }

  /** Asks the real server with the caller's credentials, and returns what it says; throws when it refuses. */
  async ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
  ): Promise<{ message: MessageShape<O>; headers: Headers }> {
    const body = toBinary(method.input, request);
    const {
      status,
      headers,
      body: answer,
    } = await forward(`${this.#server}${PATH}${method.name}`, this.#headers, body);
    if (status !== 200) throw new Error(`${method.name} was refused: ${Buffer.from(answer).toString()}`);
    return { message: fromBinary(method.output, answer), headers };
  }
}

/** An answer with this message; headers are those of a true answer. */
export function answered<O extends DescMessage>(
  method: DescMethodUnary<DescMessage, O>,
  message: MessageShape<O>,
  headers: Headers,
): Answer {
  return { status: 200, headers, body: toBinary(method.output, message) };
}

/** A refusal, as Connect writes it. */
export function refused(code: string, message: string, trueHeaders: Headers): Answer {
  const headers = new Headers(trueHeaders);
  headers.set("content-type", "application/json");
  return { status: 400, headers, body: Buffer.from(JSON.stringify({ code, message })) };
}

export class TamperingProxy {
  /** What to do with calls, until changed. */
  lie: Lie | undefined;
  readonly #target: string;
  readonly #server: Server;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.writeHead(502, { "content-type": "text/plain" }).end(String(error));
      });
    });
  }

  /** Listens on a free port of the loopback address. `target` is the server's URL without a path. */
  static async listen(target: string): Promise<TamperingProxy> {
    const proxy = new TamperingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    const headers = headersOf(request);
    const body = await buffer(request);
    const method = path.startsWith(PATH) ? UNARY.get(path.slice(PATH.length)) : undefined;
    let answer: Answer | undefined;
    if (method !== undefined && request.method === "POST" && this.lie !== undefined) {
      answer = await this.lie(new Call(this.#target, method, headers, fromBinary(method.input, body)));
    }
    answer ??= await forward(`${this.#target}${path}`, headers, body, request.method);
    response.writeHead(answer.status, Object.fromEntries(withoutOwn(answer.headers))).end(answer.body);
  }
}

async function forward(url: string, headers: Headers, body: Uint8Array, method = "POST"): Promise<Answer> {
  const hasBody = method !== "GET" && method !== "HEAD";
  const response = await fetch(url, { method, headers, ...(hasBody ? { body: Uint8Array.from(body) } : {}) });
  return { status: response.status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  return withoutOwn(headers);
}

function withoutOwn(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of OWN_HEADERS) kept.delete(name);
  return kept;
}
