// How many calls each user has under way, where the operator has set a limit.

import { AuthError } from "../auth/errors.ts";
import type { CallContext } from "./call.ts";

export class UserCalls {
  readonly #limit: number;
  /** Calls under way, with the name of their user. */
  readonly #users = new Map<CallContext, string>();
  readonly #counts = new Map<string, number>();

  /** `limit`: of one user (server setting `max-calls-per-user`). */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A call of a known caller begins. The system administrator is not limited. Throws AuthError `user_calls_full`. */
  begin(ctx: CallContext): void {
    const user = ctx.caller?.user;
    if (user === undefined || user.sysadmin) return;
    const count = this.#counts.get(user.name) ?? 0;
    if (count >= this.#limit) {
      throw new AuthError("user_calls_full", "too many calls of one user", { limit: this.#limit });
    }
    this.#counts.set(user.name, count + 1);
    this.#users.set(ctx, user.name);
  }

  /** A call has ended, whether or not it has begun. */
  end(ctx: CallContext): void {
    const name = this.#users.get(ctx);
    if (name === undefined) return;
    this.#users.delete(ctx);
    const count = (this.#counts.get(name) ?? 0) - 1;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
  }
}
