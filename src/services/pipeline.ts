// What happens to every call around its handler, as plain functions, so that any door can run them:
//
//   identify    who calls: session, token or, without authentication, the own machine       before the body is read
//   authorise   may he do this, and to which database, which is opened if it is not         with the request in hand
//   (handler)
//   completed   count, time and report the call (call-end.ts); turn what was thrown into a CallFailure
//
// serve.ts strings them together. A method that takes a stream of requests gets them in the place of its message.

import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { AuthError } from "../auth/errors.ts";
import type { LoginGuard } from "../auth/login-guard.ts";
import { isAdministrator, mayUse, type User } from "../auth/permissions.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { Users } from "../auth/users.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { Database } from "../database/database.ts";
import type { DatabaseManager } from "../database/manager.ts";
import { SYSTEM_DATABASE } from "../database/names.ts";
import type { VerifyLive } from "../database/verification.ts";
import { encodeRequestMetadata } from "../proof/request-metadata.ts";
import { type Access, accessOf } from "./access.ts";
import type { DatabaseActivity } from "./activity.ts";
import { type AnonymousRules, anonymous, requireFitForAnyone } from "./anonymous.ts";
import { type CallContext, type Caller, selectedBy } from "./call.ts";
import { CallCounts, type ClientCounts } from "./call-counts.ts";
import { type CallKind, type CallRecord, kindOf, type Naming, namingOf } from "./call-record.ts";
import { ServiceError } from "./errors.ts";
import { type Refusals, refusalsOf } from "./refusals.ts";
import type { UserCalls } from "./user-calls.ts";

/** What the pipeline and the handlers work with; the server makes one. */
export interface Room {
  readonly databases: DatabaseManager;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** false: nobody logs in. */
  readonly authentication: boolean;
  /** What callers may do then. Absent: only the own machine is served, and the default database is read and written. */
  readonly anonymous?: AnonymousRules | undefined;
  /** Slows down whoever guesses passwords. Absent: nobody does. */
  readonly guard?: LoginGuard | undefined;
  /** Limits the calls of each user. Absent: there is no limit. */
  readonly userCalls?: UserCalls | undefined;
  readonly activity: DatabaseActivity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Counts calls by address. Absent: nobody asks. */
  readonly clients?: ClientCounts | undefined;
  /** Told of every call when it has been answered: access log, traces. Absent: there are none. */
  readonly completed?: ((call: CallRecord, ctx: CallContext) => void) | undefined;
  /** Calls that took less, in milliseconds, are not told of. Default 0. */
  readonly completedFromMs?: number | undefined;
  /** Whether transactions say in their metadata who wrote them, and from where. */
  readonly stampsWrites?: boolean | undefined;
  /** Keeps a record of calls, which their answers wait for. Absent: there is none. */
  readonly audit?: Audit | undefined;
  /** Absent: databases cannot be verified while the server runs. */
  readonly verify?: VerifyLive | undefined;
}

/** A record of calls that loses none: whoever has been answered finds his call in it. */
export interface Audit {
  /** Whether records cannot be stored at present. */
  readonly isStuck: boolean;
  /** Whether calls of this kind are recorded. */
  wants(kind: CallKind): boolean;
  /** Keeps a place for the record of a call. Waits for one; rejects with ServiceError `audit_full` when there is none for long. */
  reserve(): Promise<void>;
  /** Records a call whose place was kept. Resolves when the record is on disk; never rejects. */
  record(call: CallRecord, ctx: CallContext): Promise<void>;
  /** Records a call that was refused before anything was done for it. Throws ServiceError `audit_full`, at once. */
  recordRefused(call: CallRecord, ctx: CallContext): void;
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
  readonly kind: CallKind;
  readonly naming: Naming;
  readonly counts: CallCounts;
}

export function servedMethod(descriptor: DescMethod, handler: AnyHandler | undefined): ServedMethod {
  const path = `/${descriptor.parent.typeName}/${descriptor.name}`;
  const access = accessOf(descriptor);
  return {
    path,
    descriptor,
    access,
    refusals: refusalsOf(descriptor),
    ignoresSession: descriptor.name === "OpenSession",
    handler,
    kind: kindOf(descriptor, access),
    naming: namingOf(descriptor, access),
    counts: new CallCounts(),
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
      if (!room.authentication) return { ...anonymous(ctx, room), database: token.database };
      return { kind: "token", token, user: userNamed(token.user, room) };
    }
    if (!room.authentication) return anonymous(ctx, room);
  }
  throw new AuthError(method.refusals.unauthenticated, "nobody is logged in");
}

function userNamed(name: string, room: Room): User {
  const user = room.users.get(name);
  if (user === undefined) throw new AuthError("not_logged_in", `user '${name}' is gone`);
  return user;
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
  room.userCalls?.begin(ctx);
  if (method.handler === undefined) {
    if (selected !== undefined) room.databases.requireLoaded(selected);
    throw new ServiceError("unimplemented", "not built yet", { method: method.descriptor.name });
  }
  if (selected === undefined) return undefined;
  const database = room.databases.acquire(selected);
  if (database instanceof Promise) return database.then((opened) => begin(opened, method, ctx, room));
  begin(database, method, ctx, room);
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
  if (caller.kind === "anonymous") requireFitForAnyone(method, room);
  const database = targetDatabase(target, message, caller);
  if (!isAllowed(access, caller.user, database)) throw new AuthError(method.refusals.forbidden, "not permitted");
  return target.kind === "selected" ? database : undefined;
}

/**
 * The requests of a stream, with one thing more: when the last one has come, its sender must still be allowed to send them.
 * Much time may have passed, and what they ask for is done now. Where each request is answered for itself, he must be at each.
 */
export async function* whileAllowed<Message>(
  method: ServedMethod,
  messages: AsyncIterable<Message>,
  ctx: CallContext,
  room: Room,
): AsyncGenerator<Message> {
  const isAnsweredOneByOne = method.descriptor.methodKind === "bidi_streaming";
  for await (const message of messages) {
    method.counts.received++;
    if (isAnsweredOneByOne) requireAllowed(method, messages, ctx, room);
    yield message;
  }
  requireAllowed(method, messages, ctx, room);
}

function begin(database: Database, method: ServedMethod, ctx: CallContext, room: Room): void {
  ctx.database = room.stampsWrites && method.kind === "WRITE" ? stamped(database, ctx) : database;
  room.activity.begin(database.name);
}

function stamped(database: Database, ctx: CallContext): Database {
  const extra = encodeRequestMetadata({ user: ctx.caller?.user.name ?? "", ip: ctx.peer });
  return extra === undefined ? database : database.withExtra(extra);
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
