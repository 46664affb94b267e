import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { addressGroup } from "../../../src/auth/address-group.ts";
import { AuthError } from "../../../src/auth/errors.ts";
import { LoginGuard } from "../../../src/auth/login-guard.ts";
import { RecentMap } from "../../../src/auth/recent-map.ts";
import type { Timers } from "../../../src/base/clock.ts";
import {
  FAILED_LOGIN_KEPT_MS,
  FREE_FAILURES_OF_ADDRESS,
  FREE_FAILURES_OF_PAIR,
  FREE_FAILURES_OF_USER,
} from "../../../src/base/limits.ts";
import { codeOf, TestClock } from "./support.ts";

/** A clock whose time passes when a test says so, and timers that go by it. */
class Time extends TestClock implements Timers {
  readonly #waiting = new Set<{ readonly atMs: number; readonly action: () => void }>();

  after(ms: number, action: () => void): () => void {
    const timer = { atMs: this.ms + ms, action };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Lets everything happen that happens within this time. */
  async pass(ms: number): Promise<void> {
    for (const endMs = this.ms + ms; ; ) {
      await settle();
      const next = [...this.#waiting].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) {
        this.ms = endMs;
        return;
      }
      this.ms = Math.max(this.ms, next.atMs);
      this.#waiting.delete(next);
      next.action();
    }
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

const HOME = "192.0.2.1";
const ELSEWHERE = "198.51.100.7";
const wrong = (): Promise<never> => Promise.reject(new AuthError("invalid_credentials", "wrong"));
const right = (): Promise<string> => Promise.resolve("in");
const nobodyLeaves = (): AbortSignal => new AbortController().signal;

describe("the guard against guessing", () => {
  let time: Time;
  let guard: LoginGuard;
  beforeEach(() => {
    time = new Time();
    guard = new LoginGuard(time, time);
  });
  const fail = (user: string, address: string): Promise<unknown> =>
    codeOf(() => guard.attempt({ user, address }, wrong, nobodyLeaves));
  const login = (user: string, address: string): Promise<string> =>
    guard.attempt({ user, address }, right, nobodyLeaves);
  /** Whether a login ends without any time passing. */
  const isAtOnce = async (user: string, address: string): Promise<boolean> => {
    let ended = false;
    const done = login(user, address).then(
      () => (ended = true),
      () => undefined,
    );
    await settle();
    const result = ended;
    await time.pass(20_000);
    await done;
    return result;
  };
  const attack = async (count: number, user: (i: number) => string, address: (i: number) => string): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const failed = fail(user(i), address(i));
      await time.pass(10_000);
      await failed;
    }
  };

  test("lets logins pass whose passwords are right, however many come at once", async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => login("app", HOME)));
    assert.equal(all.length, 200);
    assert.equal(time.waiting, 0);
  });

  test("lets some failures pass, and then makes each further one wait longer, up to a limit", async () => {
    for (let i = 0; i < FREE_FAILURES_OF_PAIR; i++) assert.equal(await fail("u", HOME), "invalid_credentials");
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const from = time.ms;
      let endedMs = 0;
      const failed = fail("u", HOME).then((code) => {
        endedMs = time.ms;
        return code;
      });
      await time.pass(6000);
      assert.equal(await failed, "invalid_credentials");
      // What has passed since the last failure counts.
      waits.push(endedMs - from);
      time.ms = endedMs;
    }
    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test("does not let more pass when they come all at once", async () => {
    let checks = 0;
    const check = (): Promise<never> => {
      checks++;
      return wrong();
    };
    const all = Array.from({ length: 250 }, () =>
      codeOf(() => guard.attempt({ user: "u", address: HOME }, check, nobodyLeaves)),
    );
    await settle();
    assert.equal(checks, FREE_FAILURES_OF_PAIR);
    await time.pass(60_000);
    const codes = await Promise.all(all);
    assert.equal(checks, FREE_FAILURES_OF_PAIR + 2);
    assert.equal(codes.filter((code) => code === "login_slowed").length, 250 - checks);
  });

  test("refuses more than two that wait for their pause", async () => {
    await attack(
      FREE_FAILURES_OF_PAIR + 5,
      () => "u",
      () => HOME,
    );
    await fail("u", HOME);
    const waiting = [fail("u", HOME), fail("u", HOME)];
    await settle();
    assert.equal(await fail("u", HOME), "login_slowed");
    await time.pass(20_000);
    assert.deepEqual(await Promise.all(waiting), ["invalid_credentials", "invalid_credentials"]);
  });

  test("keeps nobody out who comes from where he always comes, whoever guesses elsewhere", async () => {
    await login("u", HOME);
    await attack(
      40,
      () => "u",
      (i) => `203.0.113.${i}`,
    );
    assert.equal(await isAtOnce("u", HOME), true);
    assert.equal(await isAtOnce("u", ELSEWHERE), true, "the pause since the last failure is over");
    await fail("u", "203.0.113.77");
    assert.equal(await isAtOnce("u", HOME), true);
    await fail("u", "203.0.113.78");
    assert.equal(await isAtOnce("u", "198.51.100.8"), false, "and is two seconds at most for a newcomer");
    assert.ok(40 > FREE_FAILURES_OF_USER);
  });

  test("slows down an address that tries many users, but not those who are known to come from it", async () => {
    await login("known", HOME);
    for (let i = 0; i < FREE_FAILURES_OF_ADDRESS; i++) await fail(`user ${i}`, HOME);
    assert.equal(await isAtOnce("known", HOME), true);
    for (let i = 0; i < FREE_FAILURES_OF_ADDRESS; i++)
      await attack(
        1,
        () => `other ${i}`,
        () => HOME,
      );
    await fail("one more", HOME);
    assert.equal(await isAtOnce("new", HOME), false);
    assert.equal(await isAtOnce("new", ELSEWHERE), true);
  });

  test("takes a network of IPv6 addresses for one", async () => {
    for (let i = 0; i < FREE_FAILURES_OF_ADDRESS; i++) await fail(`user ${i}`, `2001:db8::${i.toString(16)}`);
    assert.equal(await isAtOnce("new", "2001:db8:0:0:ffff::1"), false);
    assert.equal(await isAtOnce("new", "2001:db8:0:1::1"), true);
  });

  test("forgives who gets it right, and everybody after a while", async () => {
    for (let i = 0; i < FREE_FAILURES_OF_PAIR - 1; i++) await fail("u", HOME);
    await login("u", HOME);
    for (let i = 0; i < FREE_FAILURES_OF_PAIR; i++) await fail("u", HOME);
    time.ms += FAILED_LOGIN_KEPT_MS + 1;
    assert.equal(await isAtOnce("u", HOME), true);
  });

  test("counts nothing but wrong passwords", async () => {
    for (let i = 0; i < 50; i++) {
      const inactive = (): Promise<never> => Promise.reject(new AuthError("user_inactive", "no"));
      assert.equal(
        await codeOf(() => guard.attempt({ user: "u", address: HOME }, inactive, nobodyLeaves)),
        "user_inactive",
      );
    }
  });

  test("keeps nobody waiting for ever because somebody set the clock back", async () => {
    await attack(
      FREE_FAILURES_OF_PAIR + 5,
      () => "u",
      () => HOME,
    );
    time.ms -= 3_600_000;
    assert.equal(await isAtOnce("u", HOME), true);
  });

  test("forgets who goes while he waits", async () => {
    await attack(
      FREE_FAILURES_OF_PAIR + 5,
      () => "u",
      () => HOME,
    );
    await attack(
      1,
      () => "u",
      () => HOME,
    );
    await fail("u", HOME);
    const gone = new AbortController();
    const waiting = codeOf(() => guard.attempt({ user: "u", address: HOME }, right, () => gone.signal));
    await settle();
    gone.abort();
    assert.equal(await waiting, "login_abandoned");
    assert.equal(time.waiting, 0);
    await time.pass(5000);
    assert.equal(await isAtOnce("u", HOME), true);
  });
});

test("a map of recent things keeps what was used last, and what may not go", () => {
  const map = new RecentMap<number>(2, (value) => value !== 1);
  map.set("a", 1);
  map.set("b", 2);
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
});

test("addresses fall into groups", () => {
  assert.deepEqual(
    ["192.0.2.1", "::ffff:192.0.2.1", "::1", "2001:db8::5", "2001:db8:0:0:1:2:3:4", "fe80::1%eth0", "", "unknown"].map(
      addressGroup,
    ),
    [
      "192.0.2.1",
      "192.0.2.1",
      "0:0:0:0::/64",
      "2001:db8:0:0::/64",
      "2001:db8:0:0::/64",
      "fe80:0:0:0::/64",
      "",
      "unknown",
    ],
  );
});
