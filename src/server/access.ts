// Who may come in: users and their passwords, sessions, tokens, the guard against guessing, limits of each user, and what is
// served when nobody logs in.

import { join } from "node:path";
import { CREDENTIALS_DIRECTORY, CredentialStore } from "../auth/credential-store.ts";
import { LoginGuard } from "../auth/login-guard.ts";
import { PasswordHasher } from "../auth/password.ts";
import { Sessions } from "../auth/sessions.ts";
import { Tokens } from "../auth/tokens.ts";
import { Users } from "../auth/users.ts";
import { type Clock, systemTimers } from "../base/clock.ts";
import type { Logger } from "../base/observe.ts";
import type { Random } from "../base/random.ts";
import type { DatabaseManager } from "../database/manager.ts";
import type { Room } from "../services/pipeline.ts";
import { UserCalls } from "../services/user-calls.ts";
import type { EngineDriver } from "../store/engine.ts";
import { ensureAdministrator } from "./administrator.ts";
import type { ServerConfig } from "./config.ts";
import { StartError } from "./errors.ts";

export interface AccessParts {
  readonly config: ServerConfig;
  /** Data directory. */
  readonly directory: string;
  readonly databases: DatabaseManager;
  readonly clock: Clock;
  readonly random: Random;
  readonly driver: EngineDriver;
  readonly logger: Logger;
}

type Access = Pick<Room, "users" | "sessions" | "tokens" | "authentication" | "anonymous" | "guard" | "userCalls">;

/** Opens the credentials, and begins to sweep away what has expired. Throws StartError. */
export async function openAccess(parts: AccessParts, opened: AsyncDisposableStack): Promise<Access> {
  const { config, clock, random, logger } = parts;
  const users = await openUsers(parts, opened);
  const { authentication, anonymous, callsPerUserMax } = config;
  if (!authentication && !anonymous.maintenance) requireNothingToProtect(users, parts.databases);
  if (anonymous.maintenance) logger.warn({}, "maintenance mode: everything is read, and nothing changed");

  const { sessionsMax, sessionsPerUserMax, sessionIdleMs: idleMs, sessionAgeMs: ageMs } = config;
  const sessions = new Sessions({ sessionsMax, sessionsPerUserMax, idleMs, ageMs }, clock, random);
  const tokens = new Tokens(config.tokenLifetimeMs, clock, random);
  const sweep = setInterval(() => {
    sessions.sweep();
    tokens.sweep();
  }, config.sweepEveryMs);
  opened.defer(() => clearInterval(sweep));
  const guard = config.loginSlowdown ? new LoginGuard(clock, systemTimers) : undefined;
  const userCalls = callsPerUserMax === undefined ? undefined : new UserCalls(callsPerUserMax);
  return { users, sessions, tokens, authentication, anonymous, guard, userCalls };
}

async function openUsers(
  { config, directory, clock, random, driver, logger }: AccessParts,
  opened: AsyncDisposableStack,
): Promise<Users> {
  const credentials = opened.use(await CredentialStore.open(driver, join(directory, CREDENTIALS_DIRECTORY)));
  const users = new Users(credentials, new PasswordHasher(random), clock, config.passwordRules);
  await ensureAdministrator(users, config, logger);
  return users;
}

function requireNothingToProtect(users: Users, databases: DatabaseManager): void {
  if (users.size === 1 && databases.list().length === 1) return;
  throw new StartError(
    "authentication must be on: there are databases or users of their own in this data directory",
    "start without --auth=false",
  );
}
