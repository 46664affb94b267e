// The end of a call: it is counted, told of, and recorded, however it ended.

import type { CallContext } from "./call.ts";
import { type CallRecord, databaseNamed, userNamedBy } from "./call-record.ts";
import { type CallFailure, failureOf } from "./error-table.ts";
import type { Room, ServedMethod } from "./pipeline.ts";

/** Reports a call that was refused before its message was read, and says how it is answered. */
export function failed(method: ServedMethod, ctx: CallContext, error: unknown, room: Room): CallFailure {
  method.counts.started++;
  const failure = failureOf(error, method.path, room.logger);
  const record = observed(method, undefined, ctx, performance.now(), failure, room);
  try {
    if (record !== undefined && room.audit?.wants(method.kind)) room.audit.recordRefused(record, ctx);
  } catch (full) {
    return failureOf(full, method.path, room.logger);
  }
  return failure;
}

/** Reports a call that failed, and says how it is answered. */
export function notServed(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  startedAt: number,
  error: unknown,
  room: Room,
): CallFailure {
  const failure = failureOf(error, method.path, room.logger);
  void completed(method, message, ctx, startedAt, failure, room);
  return failure;
}

/** The same for a call that was turned away because no record of it could be kept. */
export function unrecorded(method: ServedMethod, startedAt: number, error: unknown, room: Room): CallFailure {
  const failure = failureOf(error, method.path, room.logger);
  method.counts.end(failure.code, performance.now() - startedAt);
  return failure;
}

/** A call has ended: it is counted, told of, and recorded. Resolves when the record is on disk; undefined when there is none. */
export function completed(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  startedAt: number,
  failure: CallFailure | undefined,
  room: Room,
): Promise<void> | undefined {
  room.userCalls?.end(ctx);
  if (ctx.database !== undefined) {
    room.activity.end(ctx.database.name);
    room.databases.release(ctx.database);
  }
  const record = observed(method, message, ctx, startedAt, failure, room);
  return record !== undefined && room.audit?.wants(method.kind) ? room.audit.record(record, ctx) : undefined;
}

/** Counts a call that has ended and tells of it. Returns what is to be kept of it; undefined when nobody keeps anything. */
function observed(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  startedAt: number,
  failure: CallFailure | undefined,
  room: Room,
): CallRecord | undefined {
  const durationMs = performance.now() - startedAt;
  method.counts.end(failure?.code ?? 0, durationMs);
  room.clients?.count(ctx.peer, ctx.identifiedMs);
  const isTold = room.completed !== undefined && durationMs >= (room.completedFromMs ?? 0);
  if (!isTold && !room.audit?.wants(method.kind)) return undefined;
  const record: CallRecord = {
    path: method.path,
    kind: method.kind,
    user: userNamedBy(method.naming, message, ctx),
    peer: ctx.peer,
    database: databaseNamed(method.naming, message, ctx),
    startedMs: ctx.identifiedMs,
    durationMs,
    failure,
  };
  if (isTold) room.completed?.(record, ctx);
  return record;
}
