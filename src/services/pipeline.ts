// What happens to every call around its handler, as plain functions, so that any door can run them:
//
//   identify    who calls: session, token or, without authentication, the own machine       before the body is read
//   authorise   may he do this, and to which database, which is opened if it is not         with the request in hand
//   (handler)
//   completed   count, time and report the call; turn what was thrown into a CallFailure
//
// serve() strings them together for a call that is answered by one message and stays synchronous where the handler is and the
// database is open; serveStream() does so for one that is answered by many. A method that takes a stream of requests gets them
// in the place of its message.

import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { AuthError } from "../auth/errors.ts";
import { isAdministrator, mayUse, type User } from "../auth/permissions.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { Users } from "../auth/users.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { Database } from "../database/database.ts";
import type { DatabaseManager } from "../database/manager.ts";
import { DEFAULT_DATABASE, SYSTEM_DATABASE } from "../database/names.ts";
import type { VerifyLive } from "../database/verification.ts";
import { type Access, accessOf } from "./access.ts";
import type { DatabaseActivity } from "./activity.ts";
import { type CallContext, type Caller, selectedBy } from "./call.ts";
import { CallFailure, failureOf } from "./error-table.ts";
import { ServiceError } from "./errors.ts";
import { type Refusals, refusalsOf } from "./refusals.ts";

/** What the pipeline and the handlers work with; the server makes one. */
export interface Room {
  readonly databases: DatabaseManager;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** false: nobody logs in, and only the own machine is served. */
  readonly authentication: boolean;
  readonly activity: DatabaseActivity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Told of every call when it has been answered: audit and access logs. Absent: there are none. */
  readonly completed?: ((call: CompletedCall) => void) | undefined;
  /** Absent: databases cannot be verified while the server runs. */
  readonly verify?: VerifyLive | undefined;
}

/** A call that has been answered, for those who keep a record of calls. */
export interface CompletedCall {
  /** As on the wire: `/package.Service/Method`. */
  readonly path: string;
  /** Empty when nobody is logged in. */
  readonly user: string;
  readonly peer: string;
  readonly database: string | undefined;
  readonly durationMs: number;
  readonly failure: CallFailure | undefined;
}

export type Handler<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> = (
  message: MessageShape<I>,
  ctx: CallContext,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** Answers one request by messages. Whoever stops listening ends the iteration. */
export type StreamHandler<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> = (
  message: MessageShape<I>,
  ctx: CallContext,
) => AsyncIterable<MessageInitShape<O>>;

/** Answers a stream of requests by one message. The requests are read by whoever wants the next one, and not ahead of him. */
export type RequestStreamHandler<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> = (
  messages: AsyncIterable<MessageShape<I>>,
  ctx: CallContext,
) => Promise<MessageInitShape<O>>;

/** Answers a stream of requests by messages. */
export type BidiHandler<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> = (
  messages: AsyncIterable<MessageShape<I>>,
  ctx: CallContext,
) => AsyncIterable<MessageInitShape<O>>;

export type AnyHandler = Handler | StreamHandler | RequestStreamHandler | BidiHandler;

/** A method with all that is known about it before a call comes. */
export interface ServedMethod {
  readonly path: string;
  readonly descriptor: DescMethod;
  readonly access: Access;
  readonly refusals: Refusals;
  /** OpenSession answers whatever session its caller may still name; every other method refuses an unknown one. */
  readonly ignoresSession: boolean;
  /** As the descriptor says how the method answers. Absent: not built yet. */
  readonly handler: AnyHandler | undefined;
  /** Of its metrics: made once, not for every call. */
  readonly labels: { readonly method: string };
  readonly successLabels: { readonly method: string; readonly code: string };
}

export function servedMethod(descriptor: DescMethod, handler: AnyHandler | undefined): ServedMethod {
  const path = `/${descriptor.parent.typeName}/${descriptor.name}`;
  return {
    path,
    descriptor,
    access: accessOf(descriptor),
    refusals: refusalsOf(descriptor),
    ignoresSession: descriptor.name === "OpenSession",
    handler,
    labels: { method: path },
    successLabels: { method: path, code: "0" },
  };
}

/** Finds out who calls. Throws AuthError when he names a session that is not there, or has to log in and has not. */
export function identify(method: ServedMethod, ctx: CallContext, room: Room): Caller | undefined {
  ctx.identifiedMs = room.clock.nowMs();
  const sessionId = method.ignoresSession ? undefined : ctx.header("sessionid");
  const session = sessionId === undefined ? undefined : room.sessions.find(sessionId);
  if (method.access.access === "public") return undefined;
  if (session !== undefined) return { kind: "session", session, user: userNamed(session.user, room) };
  if (method.access.credential === "any") {
    const authorization = ctx.header("authorization");
    if (authorization !== undefined) {
      const token = room.tokens.find(authorization.replace(/^bearer +/i, ""));
      return { kind: "token", token, user: userNamed(token.user, room) };
    }
    if (!room.authentication) return anonymous(ctx.peer);
  }
  throw new AuthError(method.refusals.unauthenticated, "nobody is logged in");
}

function userNamed(name: string, room: Room): User {
  const user = room.users.get(name);
  if (user === undefined) throw new AuthError("not_logged_in", `user '${name}' is gone`);
  return user;
}

const ANONYMOUS: User = {
  name: "",
  sysadmin: false,
  permissions: new Map([[DEFAULT_DATABASE, "write"]]),
  active: true,
  createdBy: "",
  createdAtMs: 0,
};

const LOOPBACK = /^(127\.|::1$|::ffff:127\.|$)/;

function anonymous(peer: string): Caller {
  if (!LOOPBACK.test(peer)) throw new AuthError("anonymous_remote", `${peer} is not this machine`);
  return { kind: "anonymous", user: ANONYMOUS };
}

/**
 * Checks that the caller may do this and, where the method works on the selected database, opens it for the handler: a
 * promise only when that has to be waited for. A method that is not built is refused after everything else: whom it would
 * not serve learns nothing about it. `message`: the request, or the stream of them, whose rules never name a field.
 */
export function authorise(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  room: Room,
): Promise<void> | undefined {
  const selected = requireAllowed(method, message, ctx, room);
  if (method.handler === undefined) {
    if (selected !== undefined) room.databases.requireLoaded(selected);
    throw new ServiceError("unimplemented", "not built yet", { method: method.descriptor.name });
  }
  if (selected === undefined) return undefined;
  const database = room.databases.acquire(selected);
  if (database instanceof Promise) return database.then((opened) => begin(opened, ctx, room));
  begin(database, ctx, room);
  return undefined;
}

/**
 * Checks that the caller, as he is known now, may do this. Returns the database that he has selected, where the method works
 * on that one.
 */
function requireAllowed(method: ServedMethod, message: unknown, ctx: CallContext, room: Room): string | undefined {
  const { access, target } = method.access;
  if (access === "public") return undefined;
  // The request may have taken its time to come, and its caller have been thrown out meanwhile.
  if (room.clock.nowMs() !== ctx.identifiedMs) ctx.caller = identify(method, ctx, room);
  const { caller } = ctx;
  if (caller === undefined) throw new AuthError(method.refusals.unauthenticated, "nobody is logged in");
  const database = targetDatabase(target, message, caller);
  if (!isAllowed(access, caller.user, database)) throw new AuthError(method.refusals.forbidden, "not permitted");
  return target.kind === "selected" ? database : undefined;
}

/**
 * The requests of a stream, with one thing more: when the last one has come, its sender must still be allowed to send them.
 * Much time may have passed, and what they ask for is done now.
 */
export async function* whileAllowed<Message>(
  method: ServedMethod,
  messages: AsyncIterable<Message>,
  ctx: CallContext,
  room: Room,
): AsyncGenerator<Message> {
  yield* messages;
  requireAllowed(method, messages, ctx, room);
}

function begin(database: Database, ctx: CallContext, room: Room): void {
  ctx.database = database;
  room.activity.begin(database.name);
}

function targetDatabase(target: Access["target"], message: unknown, caller: Caller): string | undefined {
  switch (target.kind) {
    case "none":
      return undefined;
    case "field":
      return (message as Readonly<Record<string, string>>)[target.field]?.toLowerCase();
    case "selected": {
      const selected = selectedBy(caller);
      if (selected === undefined) throw new AuthError("database_not_selected", "no database is selected");
      return selected;
    }
  }
}

function isAllowed(access: Exclude<Access["access"], "public">, user: User, database: string | undefined): boolean {
  switch (access) {
    case "session":
      return database === undefined || mayUse(user, database, "read");
    case "sysadmin":
      return user.sysadmin;
    case "admin":
      return database === undefined ? isAdministrator(user) : mayUse(user, database, access);
    case "read":
      return database !== undefined && mayUse(user, database, access);
    case "write":
      // The server's own database is written by the server alone.
      return database !== undefined && database !== SYSTEM_DATABASE && mayUse(user, database, access);
  }
}

/** Runs an identified call that is answered by one message. Throws, or rejects with, a CallFailure. */
export function serve(method: ServedMethod, message: unknown, ctx: CallContext, room: Room): object | Promise<object> {
  const startedMs = room.clock.nowMs();
  try {
    const handler = method.handler as Handler;
    const opening = authorise(method, message, ctx, room);
    const answer =
      opening === undefined ? handler(message as never, ctx) : opening.then(() => handler(message as never, ctx));
    if (!(answer instanceof Promise)) {
      succeeded(method, ctx, startedMs, room);
      return answer;
    }
    return answer.then(
      (value) => {
        succeeded(method, ctx, startedMs, room);
        return value;
      },
      (error: unknown) => {
        throw failed(method, ctx, startedMs, error, room);
      },
    );
  } catch (error) {
    throw failed(method, ctx, startedMs, error, room);
  }
}

/** Runs an identified call that is answered by many messages. Throws a CallFailure. */
export async function* serveStream(
  method: ServedMethod,
  message: unknown,
  ctx: CallContext,
  room: Room,
): AsyncGenerator<object> {
  const startedMs = room.clock.nowMs();
  let isCompleted = false;
  const complete = (failure: CallFailure | undefined): void => {
    if (!isCompleted) completed(method, ctx, startedMs, failure, room);
    isCompleted = true;
  };
  try {
    await authorise(method, message, ctx, room);
    const steps = (method.handler as StreamHandler)(message as never, ctx)[Symbol.asyncIterator]();
    // A transport may leave without a word: neither asking for the next message nor saying that it wants none.
    const leave = (): void => void ended(steps).finally(() => complete(abandoned()));
    ctx.signal.addEventListener("abort", leave, { once: true });
    try {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) yield step.value;
    } finally {
      ctx.signal.removeEventListener("abort", leave);
      await ended(steps);
    }
    complete(undefined);
  } catch (error) {
    // Work that ends because nobody waits for it any more has not failed.
    const failure = ctx.signal.aborted ? abandoned() : failureOf(error, method.path, room.logger);
    complete(failure);
    throw failure;
  } finally {
    complete(abandoned());
  }
}

async function ended(steps: AsyncIterator<unknown>): Promise<void> {
  await Promise.resolve(steps.return?.()).catch(() => undefined);
}

function abandoned(): CallFailure {
  return new CallFailure(Code.Canceled, "the caller went away");
}

function succeeded(method: ServedMethod, ctx: CallContext, startedMs: number, room: Room): void {
  completed(method, ctx, startedMs, undefined, room);
}

/** Reports a call that failed at whichever step, and says how it is answered. */
export function failed(
  method: ServedMethod,
  ctx: CallContext,
  startedMs: number,
  error: unknown,
  room: Room,
): CallFailure {
  const failure = failureOf(error, method.path, room.logger);
  completed(method, ctx, startedMs, failure, room);
  return failure;
}

function completed(
  method: ServedMethod,
  ctx: CallContext,
  startedMs: number,
  failure: CallFailure | undefined,
  room: Room,
): void {
  if (ctx.database !== undefined) {
    room.activity.end(ctx.database.name);
    room.databases.release(ctx.database);
  }
  const durationMs = room.clock.nowMs() - startedMs;
  const labels = failure === undefined ? method.successLabels : { method: method.path, code: String(failure.code) };
  room.meter.count("calls_total", 1, labels);
  room.meter.observe("call_duration_seconds", durationMs / 1000, method.labels);
  room.completed?.({
    path: method.path,
    user: ctx.caller?.user.name ?? "",
    peer: ctx.peer,
    database: ctx.database?.name,
    durationMs,
    failure,
  });
}
