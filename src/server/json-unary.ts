// The short way of a unary call in Connect's JSON form over HTTP/1.1: body, pipeline, answer, with neither Headers nor
// AbortController nor generators around it. What is unusual about a request (a compressed body, a deadline, a body that is
// too long) is left to the router, which must give the same answer for the usual ones: test/service/both-ways.test.ts.

import type { IncomingMessage, ServerResponse } from "node:http";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { utf8ToString } from "../base/bytes.ts";
import type { CallContext } from "../services/call.ts";
import { toConnectError } from "../services/connect.ts";
import type { UnaryMethod } from "../services/unary.ts";
import type { DoorOptions } from "./doors.ts";
import { LazySignal } from "./lazy-signal.ts";
import { budgetOf } from "./request-budget.ts";
import { requestAddress } from "./trusted-proxies.ts";
import { discardUnread } from "./unread.ts";

const JSON_TYPE = /^application\/json(?:; ?charset=utf-?8)?$/i;
const IDENTITY = "identity";
/** Any other host is judged by the router. */
const USUAL_HOST = /^[a-z0-9.:[\]-]+$/i;

/** Returns what takes such a call; it says false, and has done nothing, when the request is none of these. */
export function jsonUnaryCall(door: DoorOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const ownHeaders = Object.entries(door.headers).flat();
  return (request, response) => {
    if (request.method !== "POST") return false;
    const method = door.unary.get(request.url ?? "");
    if (method === undefined || !isUsual(request.headers, method)) return false;
    new JsonUnaryCall(request, response, method, door, ownHeaders).begin();
    return true;
  };
}

/** Whether nothing about the request needs the router: the length is known and fits, and there is no deadline. */
function isUsual(headers: IncomingMessage["headers"], method: UnaryMethod): boolean {
  const encoding = headers["content-encoding"];
  const length = Number(headers["content-length"] ?? Number.NaN);
  return (
    JSON_TYPE.test(headers["content-type"] ?? "") &&
    (encoding === undefined || encoding === IDENTITY) &&
    headers["connect-timeout-ms"] === undefined &&
    USUAL_HOST.test(headers.host ?? "") &&
    length <= method.messageBytesMax
  );
}

class JsonUnaryCall implements CallContext {
  caller: CallContext["caller"];
  identifiedMs = 0;
  database: CallContext["database"];
  readonly peer: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #method: UnaryMethod;
  readonly #door: DoorOptions;
  readonly #ownHeaders: readonly string[];
  readonly #signal: LazySignal;
  #chunks: Uint8Array[] = [];
  #isServing = false;
  #giveBack: (() => void) | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    method: UnaryMethod,
    door: DoorOptions,
    ownHeaders: readonly string[],
  ) {
    this.#request = request;
    this.#response = response;
    this.#method = method;
    this.#door = door;
    this.#ownHeaders = ownHeaders;
    this.#signal = new LazySignal(door.stopping);
    this.peer = requestAddress(door.proxies, request);
  }

  get signal(): AbortSignal {
    return this.#signal.get();
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  begin(): void {
    const bytes = Number(this.#request.headers["content-length"]);
    const budget = budgetOf(this.#door, this.#method);
    const refusal = this.#method.admit(this);
    const taken = refusal === undefined ? budget.takeMessage(bytes) : undefined;
    if (taken === undefined) {
      discardUnread(this.#request, this.#response);
      this.#fail(refusal ?? budget.refusal());
      return;
    }
    this.#giveBack = () => {
      budget.giveBack(taken);
      this.#giveBack = undefined;
    };
    this.#response.once("close", () => {
      this.#signal.abort();
      // What is being worked on takes its share until it is done.
      if (!this.#isServing) this.#giveBack?.();
    });
    this.#request.on("data", (chunk: Uint8Array) => this.#chunks.push(chunk));
    this.#request.once("end", () => this.#serve());
  }

  #serve(): void {
    this.#isServing = true;
    try {
      const message = this.#method.fromJson(utf8ToString(Buffer.concat(this.#chunks)));
      this.#chunks = [];
      const answer = this.#method.serve(message, this);
      if (answer instanceof Promise) answer.then((value) => this.#succeed(value)).catch((error) => this.#fail(error));
      else this.#succeed(answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  #succeed(answer: object): void {
    this.#send(200, this.#method.toJson(answer));
  }

  #fail(error: unknown): void {
    const failure = toConnectError(error);
    this.#send(codeToHttpStatus(failure.code), Buffer.from(errorToJsonBytes(failure, undefined)));
  }

  #send(status: number, body: string | Buffer): void {
    this.#giveBack?.();
    this.#signal.end();
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, [
      ...this.#ownHeaders,
      "content-type",
      "application/json",
      "content-length",
      String(Buffer.byteLength(body)),
    ]);
    this.#response.end(body);
  }
}
