import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { Tokens } from "../../../src/auth/tokens.ts";
import { TOKENS_PER_USER_MAX } from "../../../src/base/limits.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { codeOf, countingRandom, TestClock } from "./support.ts";

const DAY_MS = 86_400_000;

describe("tokens", () => {
  let clock: TestClock;
  let tokens: Tokens;
  beforeEach(() => {
    clock = new TestClock();
    tokens = new Tokens(DAY_MS, clock, systemRandom);
  });

  test("a login's token is found; selecting a database issues another and keeps the first", () => {
    const first = tokens.login("u", undefined);
    assert.equal(tokens.find(first.text).database, undefined);
    const second = tokens.select(first, "books");
    assert.notEqual(second.text, first.text);
    assert.equal(tokens.find(second.text).database, "books");
    assert.equal(tokens.find(first.text).database, undefined);
  });

  test("what was never a token is malformed, what looks like one is not logged in", async () => {
    for (const text of ["", "junk", "v2.public.abc", `${"A".repeat(43)}.`]) {
      assert.equal(await codeOf(() => tokens.find(text)), "token_malformed", text);
    }
    assert.equal(await codeOf(() => tokens.find(`${"A".repeat(43)}=`)), "not_logged_in");
  });

  test("a logout ends all that its login was given, and no other login", async () => {
    const a = tokens.login("u", undefined);
    const b = tokens.login("u", "db");
    const other = tokens.login("v", "db");
    const selected = tokens.select(a, "books");
    tokens.logout(selected);
    for (const token of [a, selected]) assert.equal(await codeOf(() => tokens.find(token.text)), "not_logged_in");
    assert.equal(await codeOf(() => tokens.select(a, "x")), "not_logged_in");
    for (const token of [b, other]) assert.equal(tokens.find(token.text), token);
    tokens.logout(a);
    tokens.logoutAll("u");
    assert.equal(await codeOf(() => tokens.find(b.text)), "not_logged_in");
    assert.equal(tokens.find(other.text), other);
    assert.equal(tokens.size, 1);
  });

  test("an expired token is said to be expired for one lifetime, then unknown", async () => {
    const { text } = tokens.login("u", "db");
    clock.ms += DAY_MS;
    tokens.find(text);
    clock.ms += 1;
    tokens.sweep();
    assert.equal(await codeOf(() => tokens.find(text)), "token_expired");
    clock.ms += DAY_MS;
    tokens.sweep();
    assert.equal(await codeOf(() => tokens.find(text)), "not_logged_in");
    assert.equal(tokens.size, 0);
  });

  test("a user holds a bounded number of tokens; the least recently used goes first", async () => {
    tokens = new Tokens(DAY_MS, clock, countingRandom());
    const kept = tokens.login("u", "db");
    const dropped = tokens.login("u", "db");
    for (let i = 2; i < TOKENS_PER_USER_MAX; i++) tokens.login("u", "db");
    tokens.find(kept.text);
    tokens.login("u", "db");
    assert.equal(tokens.size, TOKENS_PER_USER_MAX);
    assert.equal(tokens.find(kept.text), kept);
    assert.equal(await codeOf(() => tokens.find(dropped.text)), "not_logged_in");
  });
});
