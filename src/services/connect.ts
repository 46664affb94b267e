// The handlers behind a Connect router, which speaks gRPC, gRPC-Web and Connect. Who calls is settled in the router's gate,
// before the body is read: nobody fills our memory without having logged in.

import type { DescMethod, DescMethodUnary } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextKey,
  createContextKey,
  type HandlerContext,
  type MethodImpl,
} from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/immudb/schema/error_pb.ts";
import { assert } from "../base/assert.ts";
import { PUBLIC_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import type { CallContext } from "./call.ts";
import { failed } from "./call-end.ts";
import { CallFailure } from "./error-table.ts";
import { identify, type Room, type ServedMethod, whileAllowed } from "./pipeline.ts";
import { serve, serveStream } from "./serve.ts";
import { blameSenders, readable } from "./unreadable.ts";

/** The address a request came from, put into the context values by the transport; empty inside the process. */
export const peerKey: ContextKey<string> = createContextKey("");

const callKey: ContextKey<CallContext | undefined> = createContextKey<CallContext | undefined>(undefined);

/** Options that a router for registerMethods() must be created with. */
export function gateOptions(methods: readonly ServedMethod[], room: Room): Pick<ConnectRouterOptions, "requestGate"> {
  const byDescriptor = new Map(methods.map((method) => [method.descriptor, method]));
  return {
    requestGate: (context) => {
      // What gRPC itself defines, health and reflection, is open to everyone.
      if (isOfGrpc(`/${context.method.parent.typeName}`)) return;
      const method = byDescriptor.get(context.method);
      assert(method !== undefined, `no such method: ${context.method.name}`);
      const call = callOf(context);
      context.values.set(callKey, call);
      try {
        call.caller = identify(method, call, room);
      } catch (error) {
        throw toConnectError(failed(method, call, error, room));
      }
    },
  };
}

/** Whether a path, `/package.Service/Method`, belongs to the services that gRPC itself defines. */
export function isOfGrpc(path: string): boolean {
  return path.startsWith("/grpc.");
}

/** Registers every method, the ones without a handler too: they answer for themselves. After what else is registered. */
export function registerMethods(router: ConnectRouter, methods: readonly ServedMethod[], room: Room): void {
  for (const method of methods) {
    const answer = ANSWERS[method.descriptor.methodKind];
    // The descriptor is only known to be some method's: what is right for its kind was chosen above.
    const implementation = (message: unknown, context: HandlerContext) => answer(method, message, context, room);
    // Whoever has not logged in has no use for a long message.
    const options = method.access.access === "public" ? { readMaxBytes: PUBLIC_MESSAGE_BYTES_MAX } : {};
    router.rpc(method.descriptor as DescMethodUnary, implementation as MethodImpl<DescMethodUnary>, options);
  }
  blameSenders(router);
}

async function answerUnary(
  method: ServedMethod,
  message: unknown,
  context: HandlerContext,
  room: Room,
): Promise<object> {
  try {
    return await serve(method, message, identified(context), room);
  } catch (error) {
    throw toConnectError(error);
  }
}

async function* answerStream(
  method: ServedMethod,
  message: unknown,
  context: HandlerContext,
  room: Room,
): AsyncGenerator<object> {
  try {
    yield* serveStream(method, message, identified(context), room);
  } catch (error) {
    throw toConnectError(error);
  }
}

/** What is in the place of the message where a method takes many. What is wrong with one of them fails the call. */
async function* requestsOf(
  method: ServedMethod,
  messages: unknown,
  context: HandlerContext,
  room: Room,
): AsyncGenerator<unknown> {
  try {
    yield* whileAllowed(method, readable(messages as AsyncIterable<unknown>), identified(context), room);
  } catch (error) {
    throw error instanceof ConnectError ? new CallFailure(error.code, error.rawMessage) : error;
  }
}

type Answer = (method: ServedMethod, message: unknown, context: HandlerContext, room: Room) => unknown;

const toRequests =
  (answer: Answer): Answer =>
  (method, messages, context, room) =>
    answer(method, requestsOf(method, messages, context, room), context, room);

const ANSWERS: Readonly<Record<DescMethod["methodKind"], Answer>> = {
  unary: answerUnary,
  server_streaming: answerStream,
  client_streaming: toRequests(answerUnary),
  bidi_streaming: toRequests(answerStream),
};

function callOf(context: HandlerContext): CallContext {
  return {
    get signal() {
      return context.signal;
    },
    peer: context.values.get(peerKey),
    header: (name) => context.requestHeader.get(name) ?? undefined,
    trailer: (name, value) => context.responseTrailer.set(name, value),
    caller: undefined,
    identifiedMs: 0,
    database: undefined,
  };
}

function identified(context: HandlerContext): CallContext {
  const call = context.values.get(callKey);
  assert(call !== undefined, "a call came past the gate");
  return call;
}

/** A failure as the Connect library knows it. What is not one of ours tells the caller nothing about itself. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (!(error instanceof CallFailure))
    return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
  if (error.info === undefined) return new ConnectError(error.message, error.code);
  return new ConnectError(error.message, error.code, undefined, [
    { desc: ErrorInfoSchema, value: { code: error.info, cause: error.causeText } },
    { desc: RetryInfoSchema, value: {} },
  ]);
}
