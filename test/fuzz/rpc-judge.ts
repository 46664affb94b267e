// What is wrong with an answer, whatever was asked. A server may refuse anything; it must say so, in its own words, and in
// time.
//
//   internal      only as recorded of the original, with details (`permission denied`, `database is reserved`, …)
//   data_loss, unavailable      nothing is done to the disk
//   words of the machine        what a library or the language says of its own innards

import { Code } from "@connectrpc/connect";
import type { Answer, Call } from "./rpc-client.ts";

const MACHINE = /undefined|\[object|NaN|Cannot |Error:|is not a function|Maximum call stack|\/src\/|node:|node_modules/;

/** Why the answer is wrong; undefined when it is not. */
export function wrongWith(call: Call, { http, status, broken }: Answer): string | undefined {
  if (broken === "left") return undefined;
  if (broken === "hung") return "no answer";
  if (status === undefined) {
    // Refused by HTTP's own means: a content type that is not served, or two streams over HTTP/1.1.
    if (broken === undefined && ((http >= 400 && http < 500) || http === 505)) return undefined;
    return broken === undefined ? `answered without a status, HTTP ${http}` : "the answer breaks off";
  }
  // A stream may be reset after its status has come: what was left of the request was not wanted.
  const { code, text, hasDetails } = status;
  if (code === 0) return broken === undefined ? undefined : "a good answer breaks off";
  const said = `${Code[code] ?? code}: ${text}`;
  if (Code[code] === undefined) return `a code that nobody knows: ${said}`;
  if (code === Code.Internal && !hasDetails) return said;
  if (code === Code.DataLoss || code === Code.Unavailable) return said;
  if (text === "" && call.leavesAfterMs === undefined) return `refused without a word: ${said}`;
  if (MACHINE.test(text)) return `words of the machine: ${said}`;
  return undefined;
}
