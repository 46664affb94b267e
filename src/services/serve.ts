// Running a call that is identified: authorise, handle, and tell that it has ended. serve() does it for a call that is answered
// by one message, and stays synchronous where the handler is and the database is open; serveStream() for one that is answered
// by many.
//
// Where calls are recorded (the audit log), nothing is done before there is room for a record, and nobody is answered before
// it is on disk.

import { Code } from "@connectrpc/connect";
import type { CallContext } from "./call.ts";
import { completed, notServed, unrecorded } from "./call-end.ts";
import { CallFailure, failureOf } from "./error-table.ts";
import { type Audit, authorise, type Handler, type Room, type ServedMethod, type StreamHandler } from "./pipeline.ts";

/** Runs an identified call that is answered by one message. Throws, or rejects with, a CallFailure. */
export function serve(method: ServedMethod, message: unknown, ctx: CallContext, room: Room): object | Promise<object> {
  if (room.audit?.wants(method.kind)) return serveRecorded(method, message, ctx, room, room.audit);
  const startedAt = begun(method);
  try {
    const answer = handle(method, message, ctx, room);
    if (!(answer instanceof Promise)) {
      void completed(method, message, ctx, startedAt, undefined, room);
      return answer;
    }
    return answer.then(
      (value) => {
        void completed(method, message, ctx, startedAt, undefined, room);
        return value;
      },
      (error: unknown) => {
        throw notServed(method, message, ctx, startedAt, error, room);
      },
    );
  } catch (error) {
    throw notServed(method, message, ctx, startedAt, error, room);
  }
}

/** The same where a record is kept: nothing is done before there is room for it, and nobody is answered before it is on disk. */
async function serveRecorded(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  room: Room,
  audit: Audit,
): Promise<object> {
  const startedAt = begun(method);
  await audit.reserve().catch((error: unknown) => {
    throw unrecorded(method, startedAt, error, room);
  });
  let answer: object = {};
  let failure: CallFailure | undefined;
  try {
    answer = await handle(method, message, ctx, room);
  } catch (error) {
    failure = failureOf(error, method.path, room.logger);
  }
  await completed(method, message, ctx, startedAt, failure, room);
  if (failure !== undefined) throw failure;
  return answer;
}

function handle(method: ServedMethod, message: unknown, ctx: CallContext, room: Room): object | Promise<object> {
  const handler = method.handler as Handler;
  const opening = authorise(method, message, ctx, room);
  return opening === undefined ? handler(message as never, ctx) : opening.then(() => handler(message as never, ctx));
}

/** Returns when, as performance.now() counts. */
function begun(method: ServedMethod): number {
  method.counts.started++;
  const { methodKind } = method.descriptor;
  if (methodKind === "unary" || methodKind === "server_streaming") method.counts.received++;
  return performance.now();
}

/** Runs an identified call that is answered by many messages. Throws a CallFailure. */
export async function* serveStream(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  room: Room,
): AsyncGenerator<object> {
  const startedAt = begun(method);
  if (room.audit?.wants(method.kind)) {
    await room.audit.reserve().catch((error: unknown) => {
      throw unrecorded(method, startedAt, error, room);
    });
  }
  let isCompleted = false;
  let recorded: Promise<void> | undefined;
  const complete = (failure: CallFailure | undefined): Promise<void> | undefined => {
    if (!isCompleted) recorded = completed(method, message, ctx, startedAt, failure, room);
    isCompleted = true;
    return recorded;
  };
  try {
    await authorise(method, message, ctx, room);
    const steps = (method.handler as StreamHandler)(message as never, ctx)[Symbol.asyncIterator]();
    // A transport may leave without a word: neither asking for the next message nor saying that it wants none.
    const leave = (): void => void ended(steps).finally(() => void complete(abandoned()));
    ctx.signal.addEventListener("abort", leave, { once: true });
    try {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) {
        method.counts.sent++;
        yield step.value;
      }
    } finally {
      ctx.signal.removeEventListener("abort", leave);
      await ended(steps);
    }
    await complete(undefined);
  } catch (error) {
    // Work that ends because nobody waits for it any more has not failed.
    const failure = ctx.signal.aborted ? abandoned() : failureOf(error, method.path, room.logger);
    await complete(failure);
    throw failure;
  } finally {
    // An error is not made for every stream that went well.
    await (isCompleted ? recorded : complete(abandoned()));
  }
}

async function ended(steps: AsyncIterator<unknown>): Promise<void> {
  await Promise.resolve(steps.return?.()).catch(() => undefined);
}

function abandoned(): CallFailure {
  return new CallFailure(Code.Canceled, "the caller went away");
}
