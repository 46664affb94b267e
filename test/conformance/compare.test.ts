import assert from "node:assert/strict";
import { test } from "node:test";
import { compareStep } from "./compare.ts";
import type { Json } from "./corpus.ts";

const compare = (expect: Json, got: Json): string | undefined => compareStep({ op: "call", expect }, got);

test("an answer differs when a member is missing, another, or one too many", () => {
  assert.equal(compare({ ok: { a: "1", b: [1, 2] } }, { ok: { a: "1", b: [1, 2] } }), undefined);
  assert.match(compare({ ok: { a: "1" } }, { ok: {} }) ?? "", /^\.ok\.a: expected "1"/);
  assert.match(compare({ ok: { a: "1" } }, { ok: { a: 1 } }) ?? "", /^\.ok\.a: expected "1", got 1/);
  assert.match(compare({ ok: {} }, { ok: { a: 0 } }) ?? "", /^\.ok\.a: unexpected 0/);
  assert.match(compare({ ok: { b: [1, 2] } }, { ok: { b: [1] } }) ?? "", /^\.ok\.b: 2 elements expected, got 1/);
  assert.match(compare({ ok: { b: [1] } }, { ok: { b: [2] } }) ?? "", /^\.ok\.b\[0\]: expected 1/);
  assert.match(compare({ ok: {} }, { error: { code: "UNKNOWN" } }) ?? "", /\.ok: /);
});

test("a marker stands for any value, for a pattern, for one of several, for any order", () => {
  assert.equal(compare({ a: { $any: "int" } }, { a: "5" }), undefined);
  assert.match(compare({ a: { $any: "int" } }, {}) ?? "", /missing/);
  assert.equal(compare({ a: { $any: "maybe" } }, {}), undefined);
  assert.equal(compare({ a: { $re: "^x" } }, { a: "xyz" }), undefined);
  assert.match(compare({ a: { $re: "^x" } }, { a: "yz" }) ?? "", /does not match/);
  assert.equal(compare({ a: { $oneOf: [1, { b: 2 }] } }, { a: { b: 2 } }), undefined);
  assert.match(compare({ a: { $oneOf: [1, 2] } }, { a: 3 }) ?? "", /none of/);
  assert.equal(compare({ a: { $unordered: [1, 2] } }, { a: [2, 1] }), undefined);
  assert.match(compare({ a: { $unordered: [1, 1] } }, { a: [1, 2] }) ?? "", /missing element 1/);
  assert.match(compare({ a: { $unordered: [1] } }, { a: [1, 2] }) ?? "", /unexpected elements/);
});

test("metadata that carries nothing is as good as none; the row layout of SQL counts only on request", () => {
  assert.equal(compare({ ok: { metadata: {} } }, { ok: {} }), undefined);
  assert.match(compare({ ok: { metadata: { a: 1 } } }, { ok: {} }) ?? "", /metadata/);
  const [step, got] = [{ op: "exec", expect: { nentries: 3 } } as const, { nentries: 4 }];
  assert.equal(compareStep(step, got), undefined);
  assert.match(compareStep(step, got, true) ?? "", /nentries/);
});
