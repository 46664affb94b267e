// The service that the suite calls, as its protos describe it: each request says how it wants to be answered, and each answer
// tells what the server saw of the request.

import { setTimeout as pause } from "node:timers/promises";
import { create, createRegistry, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import {
  type BidiStreamRequest,
  type ClientStreamRequest,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  type ConformancePayloadSchema,
  ConformanceService,
  type Error as ErrorDefinition,
  file_connectrpc_conformance_v1_service,
  type Header,
  type IdempotentUnaryRequest,
  type ServerStreamRequest,
  type StreamResponseDefinition,
  type UnaryRequest,
  type UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";

type Answer = { payload: MessageInitShape<typeof ConformancePayloadSchema> };
/** What every definition of an answer has. */
type Definition = Pick<UnaryResponseDefinition, "responseHeaders" | "responseTrailers" | "responseDelayMs">;

/** Requests come back inside of answers as google.protobuf.Any, which JSON can only write of types that it knows. */
const JSON_TYPES = { registry: createRegistry(file_connectrpc_conformance_v1_service) };

/** Registers the service. Its method Unimplemented is left to the router, which is what the suite asks for. */
export function conformanceRoutes(router: ConnectRouter): void {
  const methods = { unary, idempotentUnary: unary, serverStream, clientStream, bidiStream };
  router.service(ConformanceService, methods, { jsonOptions: JSON_TYPES });
}

function unary(request: UnaryRequest | IdempotentUnaryRequest, context: HandlerContext): Promise<Answer> {
  return answerOnce(request.responseDefinition, [request], context);
}

async function clientStream(requests: AsyncIterable<ClientStreamRequest>, context: HandlerContext): Promise<Answer> {
  const seen: ClientStreamRequest[] = [];
  for await (const request of requests) seen.push(request);
  return answerOnce(seen[0]?.responseDefinition, seen, context);
}

async function answerOnce(
  definition: UnaryResponseDefinition | undefined,
  requests: readonly Message[],
  context: HandlerContext,
): Promise<Answer> {
  const requestInfo = infoOf(requests, context);
  announce(definition, context);
  await delay(definition, context);
  if (definition?.response.case === "error") throw failure(definition.response.value, requestInfo);
  const data = definition?.response.case === "responseData" ? { data: definition.response.value } : {};
  return { payload: { ...data, requestInfo } };
}

async function* serverStream(request: ServerStreamRequest, context: HandlerContext): AsyncGenerator<Answer> {
  const answers = new AnswerStream(request.responseDefinition, context);
  answers.saw(request);
  while (answers.left) yield await answers.next();
  answers.end();
}

/** Full duplex: an answer after each request. Half duplex: all of them after the last one. The first request says which. */
async function* bidiStream(
  requests: AsyncIterable<BidiStreamRequest>,
  context: HandlerContext,
): AsyncGenerator<Answer> {
  let answers: AnswerStream | undefined;
  let fullDuplex = false;
  for await (const request of requests) {
    if (answers === undefined) {
      answers = new AnswerStream(request.responseDefinition, context);
      fullDuplex = request.fullDuplex;
    }
    answers.saw(request);
    if (!fullDuplex) continue;
    if (!answers.left) break;
    yield await answers.next();
  }
  answers ??= new AnswerStream(undefined, context);
  while (answers.left) yield await answers.next();
  answers.end();
}

/** The answers of one stream. Each tells of the requests since the one before, the first of the headers too. */
class AnswerStream {
  readonly #definition: StreamResponseDefinition | undefined;
  readonly #context: HandlerContext;
  #unanswered: Message[] = [];
  #sent = 0;

  constructor(definition: StreamResponseDefinition | undefined, context: HandlerContext) {
    this.#definition = definition;
    this.#context = context;
    announce(definition, context);
  }

  saw(request: Message): void {
    this.#unanswered.push(request);
  }

  get left(): boolean {
    return this.#sent < (this.#definition?.responseData.length ?? 0);
  }

  /** The next one of those left. */
  async next(): Promise<Answer> {
    await delay(this.#definition, this.#context);
    const data = this.#definition?.responseData[this.#sent] as Uint8Array<ArrayBuffer>;
    const requestInfo = this.#sent === 0 ? this.#info() : { requests: packed(this.#unanswered, this.#context) };
    this.#unanswered = [];
    this.#sent++;
    return { payload: { data, requestInfo } };
  }

  /** Throws the error that was asked for. */
  end(): void {
    const error = this.#definition?.error;
    if (error !== undefined) throw failure(error, this.#sent === 0 ? this.#info() : undefined);
  }

  #info(): ConformancePayload_RequestInfo {
    return infoOf(this.#unanswered, this.#context);
  }
}

function infoOf(requests: readonly Message[], context: HandlerContext): ConformancePayload_RequestInfo {
  const { url, requestMethod, requestHeader } = context;
  const timeoutMs = context.timeoutMs();
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: fieldsOf(requestHeader),
    requests: packed(requests, context),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    ...(requestMethod === "GET" && { connectGetInfo: { queryParams: fieldsOf(new URL(url).searchParams) } }),
  });
}

function packed(requests: readonly Message[], context: HandlerContext): Any[] {
  return requests.map((request) => anyPack(context.method.input, request));
}

function fieldsOf(pairs: Iterable<[string, string]>): { name: string; value: string[] }[] {
  return Array.from(pairs, ([name, value]) => ({ name, value: [value] }));
}

/** Headers and trailers are fixed before the answer, or the error, begins. */
function announce(definition: Definition | undefined, context: HandlerContext): void {
  const append = (headers: Headers, fields: readonly Header[] = []): void => {
    for (const { name, value } of fields) for (const one of value) headers.append(name, one);
  };
  append(context.responseHeader, definition?.responseHeaders);
  append(context.responseTrailer, definition?.responseTrailers);
}

async function delay(definition: Definition | undefined, { signal }: HandlerContext): Promise<void> {
  if (!definition?.responseDelayMs) return;
  await pause(definition.responseDelayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function failure(
  { code, message, details }: ErrorDefinition,
  info: ConformancePayload_RequestInfo | undefined,
): ConnectError {
  const seen = info === undefined ? [] : [anyPack(ConformancePayload_RequestInfoSchema, info)];
  // The codes of the suite have the numbers of Connect's.
  const error = new ConnectError(message ?? "", code as number as Code);
  error.details = [...details, ...seen].map(({ typeUrl, value }) => {
    return { type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value };
  });
  return error;
}
