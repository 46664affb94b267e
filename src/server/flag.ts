// One setting of the server: what a row of the table of flags (flags.ts) is made of.
//
//   flag     works
//   later    accepted; the server says that it has no effect yet, unless the value asks for nothing that is missing
//   idle     accepted; never has an effect here, and the server says so
//   refused  any value but the default ends the start, with the reason
//   renamed  old name of another flag: counts as that one, with a warning

/**
 * `duration`: as Go writes them, `90s`, `3m0s`, `24h`, `0`. `path`: of a file or directory. `list`: separated by commas.
 * `secret`: never shown, and read from the file that IMMUDB_NAME_FILE names, if it does.
 */
export type FlagType = "boolean" | "integer" | "text" | "duration" | "path" | "list" | "secret";

export type FlagEffect =
  | { readonly kind: "works" }
  /** `harmless`: the value with which nothing is missed. */
  | { readonly kind: "later"; readonly harmless: string }
  | { readonly kind: "idle"; readonly harmless: string }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "renamed"; readonly to: string };

export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly type: FlagType;
  /** As it would be written on the command line. */
  readonly default: string;
  readonly meaning: string;
  readonly effect: FlagEffect;
}

export function flag(name: string, type: FlagType, initial: string, meaning: string, short?: string): Flag {
  return { name, type, default: initial, meaning, effect: { kind: "works" }, ...(short !== undefined && { short }) };
}

/** `harmless`: the value that asks for what this version does anyway; the default unless given. */
export function later(name: string, type: FlagType, initial: string, meaning: string, harmless?: string): Flag {
  return { name, type, default: initial, meaning, effect: { kind: "later", harmless: harmless ?? initial } };
}

export function idle(name: string, type: FlagType, initial: string, meaning: string): Flag {
  return { name, type, default: initial, meaning, effect: { kind: "idle", harmless: initial } };
}

/** `reason`: completes "--name is 'value': …". */
export function refused(name: string, type: FlagType, initial: string, meaning: string, reason: string): Flag {
  return { name, type, default: initial, meaning, effect: { kind: "refused", reason } };
}

export function renamed(name: string, type: FlagType, initial: string, to: string): Flag {
  return { name, type, default: initial, meaning: `old name of ${to}`, effect: { kind: "renamed", to } };
}

/** The environment variable of a flag: `max-sessions` is IMMUDB_MAX_SESSIONS. */
export function environmentName(name: string): string {
  return `IMMUDB_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** The variable that names a file with the value of a secret. */
export function secretFileName(name: string): string {
  return `${environmentName(name)}_FILE`;
}
