// Calls in the log: every one (--log-access), and those that took long (--log-slow-calls).

import type { Logger } from "../base/observe.ts";
import type { CallContext } from "../services/call.ts";
import type { CallRecord } from "../services/call-record.ts";
import type { Room } from "../services/pipeline.ts";

/** Whoever is told of calls that have been answered. */
export interface CallListener {
  /** Shorter calls are none of his business. */
  readonly fromMs: number;
  tell(call: CallRecord, ctx: CallContext): void;
}

/** Every call, as a line of the log. */
export function accessLog(logger: Logger): CallListener {
  return { fromMs: 0, tell: (call) => logger.info(fieldsOf(call), "call") };
}

/** Calls that took `fromMs` or longer, as warnings. A stream takes as long as its caller reads. */
export function slowCallLog(logger: Logger, fromMs: number): CallListener {
  return { fromMs, tell: (call) => logger.warn(fieldsOf(call), "slow call") };
}

/** What the pipeline is to tell, so that each listener hears what he wants. */
export function telling(listeners: readonly CallListener[]): Pick<Room, "completed" | "completedFromMs"> {
  if (listeners.length === 0) return {};
  const completedFromMs = Math.min(...listeners.map(({ fromMs }) => fromMs));
  const completed = (call: CallRecord, ctx: CallContext): void => {
    for (const listener of listeners) if (call.durationMs >= listener.fromMs) listener.tell(call, ctx);
  };
  return { completed, completedFromMs };
}

function fieldsOf({ user, peer, database, path, durationMs, failure }: CallRecord): Readonly<Record<string, unknown>> {
  return {
    user,
    ip: peer,
    method: path,
    ...(database !== undefined && { db: database }),
    durationMs: Math.round(durationMs * 1000) / 1000,
    ...(failure !== undefined && { code: failure.code, error: failure.message }),
  };
}
