import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_SCRYPT_COST, PasswordHasher } from "../../../src/auth/password.ts";
import { fromHex, toHex, utf8 } from "../../../src/base/bytes.ts";
import { PASSWORD_CHECKS_WAITING_MAX } from "../../../src/base/limits.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { CHEAP, codeOf, countingRandom } from "./support.ts";

describe("passwords", () => {
  test("a hash is RFC 7914 scrypt of password and salt", async () => {
    // Second vector of RFC 7914 §12, its first 32 bytes; the salt there is shorter than ours, so it is given as stored.
    const hasher = new PasswordHasher(systemRandom, CHEAP);
    const stored = {
      algorithm: "scrypt" as const,
      N: 1024,
      r: 8,
      p: 16,
      salt: utf8("NaCl"),
      hash: fromHex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
    };
    assert.equal(await hasher.matches(utf8("password"), stored), true);
    assert.equal(await hasher.matches(utf8("passwore"), stored), false);
  });

  test("the right password matches and every other does not", async () => {
    const hasher = new PasswordHasher(systemRandom, CHEAP);
    const stored = await hasher.hash(utf8("GoodPass1!"));
    assert.equal(await hasher.matches(utf8("GoodPass1!"), stored), true);
    for (const wrong of ["", "goodPass1!", "GoodPass1", "GoodPass1!!"]) {
      assert.equal(await hasher.matches(utf8(wrong), stored), false, wrong);
    }
  });

  test("two hashes of one password differ, and each carries the cost it was made with", async () => {
    const hasher = new PasswordHasher(countingRandom(), CHEAP);
    const [a, b] = [await hasher.hash(utf8("x")), await hasher.hash(utf8("x"))];
    assert.notEqual(toHex(a.hash), toHex(b.hash));
    assert.deepEqual({ N: a.N, r: a.r, p: a.p }, CHEAP);
    const dearer = new PasswordHasher(systemRandom, { N: 32, r: 1, p: 1 });
    assert.equal(await dearer.matches(utf8("x"), a), true);
  });

  test("a user who does not exist costs as much work as one who does", async () => {
    const hasher = new PasswordHasher(systemRandom, DEFAULT_SCRYPT_COST);
    const stored = await hasher.hash(utf8("x"));
    const timed = async (hash: typeof stored | undefined) => {
      const start = performance.now();
      assert.equal(await hasher.matches(utf8("y"), hash), false);
      return performance.now() - start;
    };
    const best = async (hash: typeof stored | undefined) =>
      Math.min(await timed(hash), await timed(hash), await timed(hash));
    const [known, unknown] = [await best(stored), await best(undefined)];
    assert.ok(unknown > known / 3, `unknown user: ${unknown} ms, known: ${known} ms`);
  });

  test("a password that is empty or longer than the limit cannot be set, and a longer one never matches", async () => {
    const hasher = new PasswordHasher(systemRandom, CHEAP);
    assert.equal(await codeOf(() => hasher.hash(utf8(""))), "password_empty");
    assert.equal(await codeOf(() => hasher.hash(utf8("p".repeat(73)))), "password_too_long");
    const stored = await hasher.hash(utf8("p".repeat(72)));
    assert.equal(await hasher.matches(utf8("p".repeat(72)), stored), true);
    assert.equal(await hasher.matches(utf8("p".repeat(73)), stored), false);
  });

  test("checks beyond the waiting line are refused, and the line moves on", async () => {
    const hasher = new PasswordHasher(systemRandom, CHEAP);
    const stored = await hasher.hash(utf8("x"));
    const atOnce = PASSWORD_CHECKS_WAITING_MAX + 10;
    const results = await Promise.allSettled(Array.from({ length: atOnce }, () => hasher.matches(utf8("x"), stored)));
    const refused = results.filter((r) => r.status === "rejected");
    assert.equal(refused.length, 8, "two run, the line waits, the rest is refused");
    for (const r of refused) assert.equal(r.reason.code, "overloaded");
    for (const r of results) if (r.status === "fulfilled") assert.equal(r.value, true);
    assert.equal(await hasher.matches(utf8("x"), stored), true);
  });
});
