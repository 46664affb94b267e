// Steps of cases of our own, in the form of the recorded ones (see ../corpus.ts): what the recordings leave out and the
// description of the interface, or a recorded answer of the same kind, decides.

import type { Case, Json, JsonObject, Step } from "../corpus.ts";

const ANY_BYTES = { $any: "bytes" };

export function ownCase(name: string, steps: readonly Step[]): Case {
  return { name, steps };
}

/** A call that is answered with `ok`. */
export function ok(method: string, req: JsonObject, answer: Json): Step {
  return { op: "call", method, req, expect: { ok: answer } };
}

/** A call that is refused; `info` is the immudb code of its details. */
export function refused(method: string, req: JsonObject, code: string, message: string, info?: string): Step {
  const details = info === undefined ? {} : { details: { ErrorInfo: { code: info, cause: message }, RetryInfo: {} } };
  return { op: "call", method, req, expect: { error: { code, message, ...details } } };
}

/** A write that becomes transaction `id`. */
export function written(method: string, req: JsonObject, id: number, nentries = 1): Step {
  return ok(method, req, header(id, nentries));
}

export function setOf(id: number, ...KVs: readonly JsonObject[]): Step {
  return written("Set", { KVs }, id, KVs.length);
}

export function header(id: number, nentries: number, eH: Json = ANY_BYTES): JsonObject {
  return {
    id: String(id),
    prevAlh: ANY_BYTES,
    ts: { $any: "int" },
    nentries,
    eH,
    ...(id > 1 ? { blTxId: String(id - 1) } : {}),
    blRoot: ANY_BYTES,
    version: 1,
    metadata: {},
  };
}

export const EXPIRED: JsonObject = { expiration: { expiresAt: "1000" } };
export const notFound = (method: string, req: JsonObject): Step =>
  refused(method, req, "UNKNOWN", "tbtree: key not found");
export const expired = (method: string, req: JsonObject): Step =>
  refused(method, req, "UNKNOWN", "tbtree: key not found: expired entry");
export const illegal = (method: string, req: JsonObject): Step =>
  refused(method, req, "INVALID_ARGUMENT", "illegal arguments");
export const tooManyRows = (method: string, req: JsonObject, limit: string): Step =>
  refused(
    method,
    req,
    "UNKNOWN",
    `result size limit exceeded: the specified limit (${limit}) is larger than the maximum allowed one (2500)`,
  );
