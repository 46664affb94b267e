// The system administrator when a server starts: created with the password of the settings where there is none, and looked at
// for the default password where others could use it.

import { AuthError } from "../auth/errors.ts";
import { DEFAULT_SUPERADMIN_PASSWORD, type Users } from "../auth/users.ts";
import type { Logger } from "../base/observe.ts";
import type { ServerConfig } from "./config.ts";
import { StartError } from "./errors.ts";

/**
 * Throws StartError for a password that breaks the rules that are set, and where --refuse-default-password does not allow the
 * password that the administrator would have, or has. Nobody is created then: he would keep that password at the next start.
 */
export async function ensureAdministrator(users: Users, config: ServerConfig, logger: Logger): Promise<void> {
  const matters = config.refuseDefaultPassword && config.authentication && !isLoopback(config.address);
  const isNew = users.size === 0;
  if (matters && isNew && config.adminPassword === DEFAULT_SUPERADMIN_PASSWORD) {
    throw refusal("would have", "choose his password with --admin-password or IMMUDB_ADMIN_PASSWORD_FILE");
  }
  await withPassword(users, config, logger);
  if (matters && !isNew && (await users.superadminHasDefault())) {
    throw refusal("has", "start with --address 127.0.0.1, change his password, and start again");
  }
}

/** There is one, and where --force-admin-password says so he has the configured password. */
async function withPassword(users: Users, config: ServerConfig, logger: Logger): Promise<void> {
  try {
    const found = await users.ensureSuperadmin(config.adminPassword);
    if (found === "created" || !config.adminPasswordForced) return;
    await users.forceSuperadmin(config.adminPassword);
    logger.warn({}, "--force-admin-password: the system administrator has the configured password now");
  } catch (error) {
    if (!(error instanceof AuthError && error.code === "password_weak")) throw error;
    const message = `the password of the system administrator is too weak: it needs ${error.data["rule"]}`;
    throw new StartError(message, "set another one with --admin-password", error);
  }
}

function refusal(has: string, hint: string): StartError {
  return new StartError(
    `the system administrator ${has} the default password where other machines can reach the server, and ` +
      "--refuse-default-password is set",
    hint,
  );
}

/** Checking a password takes as long as much of the start, and nobody who calls needs to wait for a warning. */
export async function warnOfPasswords(users: Users, config: ServerConfig, logger: Logger): Promise<void> {
  if (config.adminPasswordGiven && !(await users.superadminHas(config.adminPassword))) {
    logger.warn(
      {},
      "--admin-password only counts when the system administrator is created, or with --force-admin-password: his password " +
        "stays as it is",
    );
  }
  if (isLoopback(config.address)) return;
  if (!config.authentication && config.anonymous.remote) {
    logger.warn(
      { address: config.address },
      "ANYONE WHO REACHES THIS MACHINE IS SERVED WITHOUT A PASSWORD: start without --devmode, or listen with --address 127.0.0.1",
    );
  } else if (!config.authentication) {
    logger.warn({ address: config.address }, "authentication is off: callers from other machines are refused");
  } else if (await users.superadminHasDefault()) {
    logger.warn(
      { address: config.address },
      "ANYONE WHO REACHES THIS MACHINE CAN LOG IN: the system administrator has the default password and the server does not " +
        "listen on this machine alone. Start a new data directory with --admin-password, or listen with --address 127.0.0.1",
    );
  }
}

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.");
}
