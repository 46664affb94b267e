// What a new password must be like. Existing clients expect that any will do, so rules are the operator's to set; a password
// that was good when it was set stays good.

import { utf8ToString } from "../base/bytes.ts";
import { PASSWORD_LENGTH_MAX } from "../base/limits.ts";
import { AuthError } from "./errors.ts";

export interface PasswordRules {
  /** Characters at least (server setting `password-min-length`); 1: any password that is not empty. */
  readonly lengthMin: number;
  /** Whether it needs an upper-case letter, a digit and a punctuation mark or symbol (server setting `password-classes`). */
  readonly classes: boolean;
}

export const NO_RULES: PasswordRules = { lengthMin: 1, classes: false };

/** Throws AuthError `password_empty`, `password_too_long` or `password_weak`. */
export function requirePassword(user: string, password: Uint8Array, rules: PasswordRules): void {
  const { length } = password;
  if (length === 0) throw new AuthError("password_empty", "a password is needed");
  if (length > PASSWORD_LENGTH_MAX) {
    throw new AuthError("password_too_long", "the password is too long", { limit: PASSWORD_LENGTH_MAX });
  }
  const rule = brokenRule(user, utf8ToString(password), rules);
  if (rule !== undefined) throw new AuthError("password_weak", `a password needs ${rule}`, { rule });
}

const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/\p{Lu}/u, "an upper-case letter"],
  [/\p{Nd}/u, "a digit"],
  [/[\p{P}\p{S}]/u, "a punctuation mark or symbol"],
];

function brokenRule(user: string, password: string, { lengthMin, classes }: PasswordRules): string | undefined {
  if ([...password].length < lengthMin) return `${lengthMin} characters or more`;
  const hasRules = classes || lengthMin > NO_RULES.lengthMin;
  if (hasRules && password.toLowerCase().includes(user.toLowerCase())) return "not to contain the user's name";
  return classes ? CLASSES.find(([wanted]) => !wanted.test(password))?.[1] : undefined;
}
