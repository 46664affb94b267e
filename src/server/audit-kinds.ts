// Which calls the audit log keeps (--audit-log-events).

import type { CallKind } from "../services/call-record.ts";
import type { Settings } from "./settings.ts";

const WORDS: Readonly<Record<string, readonly CallKind[]>> = {
  all: ["AUTH", "ADMIN", "WRITE", "READ", "SYSTEM"],
  write: ["AUTH", "ADMIN", "WRITE", "SYSTEM"],
  admin: ["AUTH", "ADMIN", "SYSTEM"],
  auth: ["AUTH"],
  read: ["READ"],
  system: ["SYSTEM"],
};

/** undefined: no audit log. Throws StartError for a word that means nothing, and for none at all. */
export function auditKinds(settings: Settings): ReadonlySet<CallKind> | undefined {
  if (!settings.boolean("audit-log")) return undefined;
  const words = settings.list("audit-log-events");
  const kinds = words.map((word) => WORDS[word.toLowerCase()]);
  if (kinds.length === 0 || kinds.includes(undefined)) {
    throw settings.wrong("audit-log-events", `a list of ${Object.keys(WORDS).join(", ")}`);
  }
  return new Set(kinds.flatMap((some) => some ?? []));
}
