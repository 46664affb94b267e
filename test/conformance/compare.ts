// Compares an answer with the recorded one. Markers stand where a recording cannot know the value:
//
//   {"$any": kind}        any value; "maybe" also accepts none      {"$oneOf": […]}      one of these
//   {"$re": pattern}      a string that matches                     {"$unordered": […]}  these, in any order

import type { Json, JsonObject, Step } from "./corpus.ts";

/** Members of a SQL commit that tell the original's row layout, compared only on request. */
const LAYOUT_MEMBERS = new Set(["nentries", "eH"]);

interface Options {
  readonly strict: boolean;
  readonly sqlTx: boolean;
}

/** Undefined when the answer is the recorded one, else a short description of the first difference. */
export function compareStep(step: Step, got: Json, strict = false): string | undefined {
  if (step.expect === undefined) return undefined;
  return difference(step.expect, got, { strict, sqlTx: step.op === "exec" || step.op === "commit" }, "");
}

function difference(want: Json, got: Json | undefined, options: Options, at: string): string | undefined {
  if (isObject(want)) return markerDifference(want, got, options, at);
  if (Array.isArray(want)) return arrayDifference(want as readonly Json[], got, options, at);
  return want === got ? undefined : `${at}: expected ${JSON.stringify(want)}, got ${JSON.stringify(got)}`;
}

function markerDifference(want: JsonObject, got: Json | undefined, options: Options, at: string): string | undefined {
  const { $any, $re, $oneOf, $unordered } = want;
  if ($any !== undefined) return got === undefined && $any !== "maybe" ? `${at}: missing (any ${$any})` : undefined;
  if ($re !== undefined) {
    const matches = typeof got === "string" && new RegExp($re as string, "s").test(got);
    return matches ? undefined : `${at}: ${JSON.stringify(got)} does not match /${$re}/`;
  }
  if ($oneOf !== undefined) {
    const one = ($oneOf as readonly Json[]).some((w) => difference(w, got, options, at) === undefined);
    return one ? undefined : `${at}: ${JSON.stringify(got)} is none of ${JSON.stringify($oneOf)}`;
  }
  if ($unordered !== undefined) return unorderedDifference($unordered as readonly Json[], got, options, at);
  return objectDifference(want, got, options, at);
}

function objectDifference(want: JsonObject, got: Json | undefined, options: Options, at: string): string | undefined {
  if (!isObject(got)) return `${at}: expected ${JSON.stringify(want)}, got ${JSON.stringify(got)}`;
  for (const name of new Set([...Object.keys(want), ...Object.keys(got)])) {
    const w = want[name];
    if (!options.strict && options.sqlTx && LAYOUT_MEMBERS.has(name)) continue;
    if (!options.strict && name === "metadata" && isEmpty(w) && isEmpty(got[name])) continue;
    if (isObject(w) && w["$any"] === "maybe") continue;
    if (w === undefined) return `${at}.${name}: unexpected ${JSON.stringify(got[name])}`;
    const d = difference(w, got[name], options, `${at}.${name}`);
    if (d !== undefined) return d;
  }
  return undefined;
}

function arrayDifference(
  want: readonly Json[],
  got: Json | undefined,
  options: Options,
  at: string,
): string | undefined {
  if (!Array.isArray(got)) return `${at}: array expected, got ${JSON.stringify(got)}`;
  if (want.length !== got.length) return `${at}: ${want.length} elements expected, got ${got.length}`;
  for (const [i, w] of want.entries()) {
    const d = difference(w, got[i], options, `${at}[${i}]`);
    if (d !== undefined) return d;
  }
  return undefined;
}

function unorderedDifference(
  want: readonly Json[],
  got: Json | undefined,
  options: Options,
  at: string,
): string | undefined {
  if (!Array.isArray(got)) return `${at}: array expected, got ${JSON.stringify(got)}`;
  const rest = [...got] as Json[];
  for (const w of want) {
    const found = rest.findIndex((g) => difference(w, g, options, at) === undefined);
    if (found < 0) return `${at}: missing element ${JSON.stringify(w)}`;
    rest.splice(found, 1);
  }
  return rest.length > 0 ? `${at}: unexpected elements ${JSON.stringify(rest)}` : undefined;
}

function isObject(x: Json | undefined): x is JsonObject {
  return x !== null && typeof x === "object" && !Array.isArray(x);
}

/** Absent and empty are one for messages that carry nothing. */
function isEmpty(x: Json | undefined): boolean {
  return x === undefined || (isObject(x) && Object.keys(x).length === 0);
}
