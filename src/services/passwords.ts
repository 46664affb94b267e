// Every check of a password that a call brings goes through the guard against guessing, wherever it is checked.

import { AuthError } from "../auth/errors.ts";
import type { User } from "../auth/permissions.ts";
import type { CallContext } from "./call.ts";
import type { Room } from "./pipeline.ts";

/** The user of that name and password. Throws AuthError `auth_disabled`, `login_slowed`, and what Users.authenticate() throws. */
export async function authenticate(
  { authentication, users, guard }: Room,
  ctx: CallContext,
  name: string,
  password: Uint8Array,
): Promise<User> {
  if (!authentication) throw new AuthError("auth_disabled", "the server runs without authentication");
  const check = (): Promise<User> => users.authenticate(name, password);
  return guard === undefined ? check() : guard.attempt({ user: name, address: ctx.peer }, check, () => ctx.signal);
}

/** Whether this is the password of that user. Throws AuthError `login_slowed`. */
export async function checkPassword(
  room: Room,
  ctx: CallContext,
  name: string,
  password: Uint8Array,
): Promise<boolean> {
  try {
    await authenticate(room, ctx, name, password);
    return true;
  } catch (error) {
    if (error instanceof AuthError && error.code === "invalid_credentials") return false;
    throw error;
  }
}
