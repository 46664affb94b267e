// Logging in and out: sessions, the older tokens, and which database a login works on.

import type { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { AuthError } from "../auth/errors.ts";
import { mayUse } from "../auth/permissions.ts";
import type { Session } from "../auth/sessions.ts";
import { isDefaultPassword } from "../auth/users.ts";
import { utf8, utf8ToString } from "../base/bytes.ts";
import { DatabaseError } from "../database/errors.ts";
import { DEFAULT_DATABASE } from "../database/names.ts";
import { type CallContext, callerOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import { authenticate } from "./passwords.ts";
import type { Room } from "./pipeline.ts";

/** Clients compare this text and then ask for a new password. */
const DEFAULT_PASSWORD_WARNING = utf8(
  "immudb user has the default password: please change it to ensure proper security",
);

export function sessionHandlers(room: Room): Handlers<typeof ImmuService> {
  return {
    openSession: async ({ username, password, databaseName }, ctx) => {
      const session = await openSession(room, ctx, utf8ToString(username), password, databaseName);
      return { sessionID: session.id, serverUUID: room.databases.serverUuid };
    },
    closeSession: (_message, ctx) => closeSession(room, ctx),
    keepAlive,

    login: async ({ user: name, password }, ctx) => {
      const user = await authenticate(room, ctx, utf8ToString(name), password);
      const alone = room.users.size === 1 && room.databases.list().length === 1;
      const token = room.tokens.login(user.name, alone ? DEFAULT_DATABASE : undefined);
      return {
        token: token.text,
        ...(isDefaultPassword(user, password) && { warning: DEFAULT_PASSWORD_WARNING }),
      };
    },
    logout: (_message, ctx) => {
      const caller = callerOf(ctx);
      if (caller.kind === "token") room.tokens.logout(caller.token);
      return closeSession(room, ctx);
    },

    useDatabase: ({ databaseName }, ctx) => {
      const name = databaseName.toLowerCase();
      requireLoaded(room, name);
      const caller = callerOf(ctx);
      switch (caller.kind) {
        case "session":
          // A session stays what it is; its clients ignore the token, but want one.
          caller.session.database = name;
          return { token: caller.session.id };
        case "token":
          return { token: room.tokens.select(caller.token, name).text };
        case "anonymous":
          return { token: room.tokens.login(caller.user.name, name).text };
      }
    },
  };
}

/** The same sessions, under the names of the newer service. */
export function authorizationHandlers(room: Room): Handlers<typeof AuthorizationService> {
  return {
    openSession: async ({ username, password, database }, ctx) => {
      const session = await openSession(room, ctx, username, utf8(password), database);
      const { inactiveMs, expiredMs } = room.sessions.endOf(session);
      return {
        sessionID: session.id,
        serverUUID: room.databases.serverUuid,
        inactivityTimestamp: toSeconds(inactiveMs),
        expirationTimestamp: Number.isFinite(expiredMs) ? toSeconds(expiredMs) : 0,
      };
    },
    closeSession: (_message, ctx) => closeSession(room, ctx),
    keepAlive,
  };
}

/** Naming the session was enough: the call counts as activity. */
function keepAlive(): object {
  return {};
}

function closeSession(room: Room, ctx: CallContext): object {
  const caller = callerOf(ctx);
  if (caller.kind === "session") room.sessions.close(caller.session);
  return {};
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** Password first, then the database, then the permission: nobody learns which databases there are without logging in. */
async function openSession(
  room: Room,
  ctx: CallContext,
  name: string,
  password: Uint8Array,
  databaseName: string,
): Promise<Session> {
  const user = await authenticate(room, ctx, name, password);
  const database = databaseName.toLowerCase();
  room.databases.requireLoaded(database);
  if (!mayUse(user, database, "read")) throw new AuthError("database_forbidden", "no permission on this database");
  return room.sessions.open(user, database);
}

/** Tells a database that was deleted from one that never was. */
function requireLoaded(room: Room, name: string): void {
  try {
    room.databases.requireLoaded(name);
  } catch (error) {
    const neverWas = error instanceof DatabaseError && error.code === "database_not_found" && !error.data["deleted"];
    throw neverWas ? new DatabaseError("database_not_found_named", error.message, { name }) : error;
  }
}
