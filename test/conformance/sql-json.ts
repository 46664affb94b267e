// SQL values to and from the corpus' JSON form:
//   null | safe integer | string | boolean | {"n": "big integer"} | {"f": "1.5"} | {"bs": hex} | {"ts": microseconds}
//   | {"unset": true}

import Long from "long";
import type { Json, JsonObject } from "./corpus.ts";
import { type Message, own } from "./message-json.ts";

/** A SQLValue message. */
export function sqlValueFromJson(json: Json): Message {
  if (json === null) return { null: 0 };
  if (typeof json === "number") return { n: Long.fromString(String(json)) };
  if (typeof json === "string") return { s: json };
  if (typeof json === "boolean") return { b: json };
  const { f, bs, ts, n } = json as JsonObject;
  if (f !== undefined) return { f: Number(f) };
  if (bs !== undefined) return { bs: Buffer.from(bs as string, "hex") };
  if (ts !== undefined) return { ts: Long.fromString(String(ts)) };
  if (n !== undefined) return { n: Long.fromString(String(n)) };
  return {};
}

export function sqlValueToJson(value: Message | undefined): Json {
  if (value === undefined || value === null) return { unset: true };
  if (own(value, "n")) {
    const text = String(value["n"]);
    return Number.isSafeInteger(Number(text)) ? Number(text) : { n: text };
  }
  if (own(value, "s")) return value["s"] as string;
  if (own(value, "b")) return value["b"] as boolean;
  if (own(value, "bs")) return { bs: Buffer.from(value["bs"] as Uint8Array).toString("hex") };
  if (own(value, "ts")) return { ts: String(value["ts"]) };
  if (own(value, "f")) return { f: Object.is(value["f"], -0) ? "-0" : String(value["f"]) };
  return own(value, "null") ? null : { unset: true };
}

/** Columns and rows of the messages of one query, joined; `batches` adds the rows of each message. */
export function queryResultToJson(messages: readonly Message[], batches: boolean): JsonObject {
  let columns: Json = [];
  const rows: Json[] = [];
  for (const message of messages) {
    const named = (message["columns"] ?? []) as Message[];
    if (named.length > 0) columns = named.map((c) => [c["name"] as string, c["type"] as string]);
    for (const row of rowsOf(message)) rows.push(((row["values"] ?? []) as Message[]).map(sqlValueToJson));
  }
  return { columns, rows, ...(batches ? { batches: messages.map((m) => rowsOf(m).length) } : {}) };
}

function rowsOf(message: Message): Message[] {
  return (message["rows"] ?? []) as Message[];
}

/** A CommittedSQLTx; one without a header has no id. `metadata` is given as the caller's reading of the header's. */
export function committedTxToJson(tx: Message, metadata: JsonObject | undefined): JsonObject {
  const out: Record<string, Json> = {};
  const header = tx["header"] as Message | undefined | null;
  if (header && own(header, "id")) {
    out["id"] = String(header["id"]);
    out["nentries"] = (header["nentries"] as number | undefined) ?? 0;
    out["eH"] = Buffer.from((header["eH"] as Uint8Array | undefined) ?? []).toString("hex");
    if (metadata !== undefined) out["metadata"] = metadata;
  }
  out["updatedRows"] = (tx["updatedRows"] as number | undefined) ?? 0;
  for (const [name, member] of [
    ["first", "firstInsertedPKs"],
    ["last", "lastInsertedPKs"],
  ] as const) {
    const keys = Object.entries((tx[member] ?? {}) as Record<string, Message>).sort(([a], [b]) => (a < b ? -1 : 1));
    if (keys.length > 0) out[name] = Object.fromEntries(keys.map(([k, v]) => [k, sqlValueToJson(v)]));
  }
  return out;
}
