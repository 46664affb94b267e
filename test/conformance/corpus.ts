// Recorded behaviour: one self-contained case per line of a JSON-lines file. A case runs in a database of its own; each
// step is one call with the answer that was recorded for it.
//
//   {"name": "kv/set-get", "steps": [{"op": "call", "method": "Set", "req": {…}, "expect": {"ok": {…}}}, …]}
//
// Strings may hold ${DB} (the case's database, selected), ${DB2}, ${DB3} (free names), ${U1}…${U3} (free user names) and
// whatever a step saved. `bytes` are text when all printable ASCII, else "hex:…"; 64-bit integers are decimal strings;
// members with their default value are left out. Expectations may hold markers (see compare.ts).

import { readFileSync } from "node:fs";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** What a step does; the fields that its `op` does not read are absent. */
export interface Step {
  readonly op:
    | "call"
    | "session"
    | "login"
    | "useToken"
    | "exec"
    | "query"
    | "unary"
    | "newTx"
    | "commit"
    | "rollback"
    | "sleep"
    | "mark";
  /** Name of the session or token that calls; null: no credentials; absent: the administrator on the case's database. */
  readonly as?: string | null;
  /** Extra request headers. */
  readonly meta?: Readonly<Record<string, string>>;
  readonly service?: string;
  readonly method?: string;
  readonly req?: JsonObject;
  /** The messages of a client stream. */
  readonly reqs?: readonly JsonObject[];
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly db?: string;
  readonly ms?: number;
  readonly sql?: string;
  readonly params?: JsonObject;
  readonly tx?: string;
  readonly mode?: string;
  readonly noWait?: boolean;
  readonly acceptStream?: boolean;
  readonly batches?: boolean;
  /** Variable → path in the answer, such as `txs[0].id`. */
  readonly save?: Readonly<Record<string, string>>;
  readonly expect?: Json;
}

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The cases of a corpus file, in its order. */
export function readCases(file: string | URL): Case[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Case);
}
