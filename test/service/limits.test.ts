// What an operator may ask of users and logins beyond what existing clients expect: nothing of it is on by itself but the
// slowing of guesses.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { LoginGuard } from "../../src/auth/login-guard.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { systemTimers, type Timers } from "../../src/base/clock.ts";
import { FREE_FAILURES_OF_PAIR } from "../../src/base/limits.ts";
import { UserCalls } from "../../src/services/user-calls.ts";
import { TestClock } from "../unit/auth/support.ts";
import { ADMIN, refusalOf, Services } from "./support.ts";

describe("new passwords", () => {
  test("keep to the rules that are set, and old ones stay good", async () => {
    await using services = await Services.open({ passwordRules: { lengthMin: 8, classes: true } });
    await services.addUser("old", { defaultdb: "read" });
    await services.session("old");
    const admin = await services.session().catch(() => undefined);
    assert.ok(admin);
    const create = (password: string) =>
      admin.createUser({ user: utf8("somebody"), password: utf8(password), permission: 1, database: "defaultdb" });
    for (const [password, rule] of [
      ["Ab1!", "8 characters or more"],
      ["abcdefg1!", "an upper-case letter"],
      ["Abcdefgh!", "a digit"],
      ["Abcdefg12", "a punctuation mark or symbol"],
      ["A1!SomeBody", "not to contain the user's name"],
    ] as const) {
      assert.deepEqual(await refusalOf(create(password)), {
        code: Code.InvalidArgument,
        text: `the password is too weak: it needs ${rule}`,
      });
    }
    await create("Grüße 12!");
    const change = admin.changePassword({ user: utf8("somebody"), newPassword: utf8("short") });
    assert.match((await refusalOf(change)).text, /too weak/);
  });
});

describe("one user", () => {
  test("opens so many sessions, while others and the system administrator still get in", async () => {
    await using services = await Services.open({ sessionsPerUserMax: 2 });
    for (const name of ["a", "b"]) await services.addUser(name, { defaultdb: "write" });
    await services.session("a");
    const second = await services.session("a");
    assert.deepEqual(await refusalOf(services.session("a")), {
      code: Code.ResourceExhausted,
      text: "this user has too many sessions: the limit is 2 (max-sessions-per-user)",
    });
    await services.session("b");
    for (let i = 0; i < 3; i++) await services.session();
    await second.closeSession({});
    await services.session("a");
    services.clock.ms += 400_000;
    for (let i = 0; i < 2; i++) await services.session("a");
  });

  test("has so many calls under way, and more when one of them has ended", async () => {
    await using services = await Services.open({ room: { userCalls: new UserCalls(2) } });
    await services.addUser("a", { defaultdb: "write" });
    const [a, admin] = [await services.session("a"), await services.session()];
    const set = (client: typeof a, key: string) => client.set({ KVs: [{ key: utf8(key), value: utf8("v") }] });
    const all = await Promise.allSettled(["1", "2", "3", "4"].map((key) => set(a, key)));
    const refused = all.filter(({ status }) => status === "rejected");
    assert.equal(refused.length, 2);
    assert.deepEqual(await refusalOf(Promise.reject((refused[0] as PromiseRejectedResult).reason)), {
      code: Code.ResourceExhausted,
      text: "this user has too many calls under way: the limit is 2 (max-calls-per-user)",
    });
    for (let i = 0; i < 5; i++) assert.equal((await refusalOf(a.get({ key: utf8("none") }))).code, Code.Unknown);
    await Promise.all([set(a, "5"), set(a, "6")]);
    await Promise.all(Array.from({ length: 10 }, (_, i) => set(admin, `admin ${i}`)));
  });
});

describe("guessing passwords", () => {
  /** Time that never passes: who would have to wait is found out by having gone. */
  const guardThatStops = (): { guard: LoginGuard; waits: () => number } => {
    let waiting = 0;
    const timers: Timers = {
      after: () => {
        waiting++;
        return () => waiting--;
      },
    };
    return { guard: new LoginGuard(new TestClock(), timers), waits: () => waiting };
  };

  for (const user of ["immudb", "nobody"])
    test(`is slowed down for ${user} by each way in, and answered alike`, async () => {
      const { guard, waits } = guardThatStops();
      await using services = await Services.open({ room: { guard } });
      const client = services.client();
      const wrong = utf8("wrong");
      const ways = [
        () => client.login({ user: utf8(user), password: wrong }),
        () => client.openSession({ ...ADMIN, username: utf8(user), password: wrong }),
      ];
      for (let i = 0; i < FREE_FAILURES_OF_PAIR; i++) {
        assert.deepEqual(await refusalOf((ways[i % 2] as () => Promise<unknown>)()), {
          code: Code.Unknown,
          text: "invalid user name or password",
          info: "08004",
        });
      }
      const gone = new AbortController();
      const waiting = Array.from({ length: 2 }, () =>
        client.login({ user: utf8(user), password: wrong }, { signal: gone.signal }).catch(() => undefined),
      );
      while (waits() === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(await refusalOf((ways[1] as () => Promise<unknown>)()), {
        code: Code.ResourceExhausted,
        text: "too many failed logins: try again in 10 seconds",
      });
      gone.abort();
      await Promise.all(waiting);
      while (waits() > 0) await new Promise((resolve) => setImmediate(resolve));
    });

  test("is slowed down, too, where an old password is asked for", async () => {
    const guard = new LoginGuard(new TestClock(), systemTimers);
    await using services = await Services.open({ room: { guard } });
    const admin = await services.session();
    const change = (options = {}) =>
      admin.changePassword({ user: utf8("immudb"), oldPassword: utf8("wrong"), newPassword: utf8("new") }, options);
    for (let i = 0; i < FREE_FAILURES_OF_PAIR; i++)
      assert.equal((await refusalOf(change())).text, "old password is incorrect");
    const gone = new AbortController();
    const waiting = change({ signal: gone.signal });
    setImmediate(() => gone.abort());
    assert.equal((await refusalOf(waiting)).code, Code.Canceled);
  });
});

describe("maintenance mode", () => {
  const open = (peer = "127.0.0.1") =>
    Services.open({ authentication: false, peer, room: { anonymous: { maintenance: true, remote: false } } });

  test("shows everything that there is to whoever is on the machine, and changes nothing", async () => {
    await using services = await open();
    await services.room.databases.create("books", {}, { ifNotExists: false, createdBy: "immudb" });
    await services.addUser("somebody", { books: "write" });
    const nobody = services.client();
    assert.equal((await nobody.listUsers({})).users.length, 2);
    assert.equal((await nobody.databaseListV2({})).databases.length, 2);
    assert.equal((await refusalOf(nobody.currentState({}))).text, "please select a database first");
    const { token } = await nobody.useDatabase({ databaseName: "books" });
    const books = services.client({ authorization: `Bearer ${token}` });
    assert.equal((await books.currentState({})).db, "books");
    await books.scan({});
    const set = { KVs: [{ key: utf8("k"), value: utf8("v") }] };
    const day = BigInt(86_400_000);
    for (const call of [
      books.set(set),
      books.verifiableSet({ setRequest: set }),
      books.delete({ keys: [utf8("k")] }),
      books.execAll({}),
      books.setReference({}),
      books.zAdd({}),
      books.flushIndex({}),
      books.compactIndex({}),
      books.truncateDatabase({ database: "books", retentionPeriod: day }),
      nobody.createDatabaseV2({ name: "more" }),
      nobody.updateDatabaseV2({ database: "books", settings: {} }),
      nobody.unloadDatabase({ database: "books" }),
      nobody.createUser({ user: utf8("x"), password: utf8("x"), permission: 1, database: "books" }),
      nobody.changePassword({ user: utf8("somebody"), newPassword: utf8("x") }),
      nobody.changePermission({ username: "somebody", database: "books", permission: 2 }),
      nobody.setActiveUser({ username: "somebody", active: false }),
    ]) {
      assert.deepEqual(await refusalOf(call), {
        code: Code.FailedPrecondition,
        text: "the server is in maintenance mode: nothing is changed",
      });
    }
    assert.match((await refusalOf(nobody.login({}))).text, /authentication disabled/);
  });

  test("shows nothing to other machines", async () => {
    await using services = await open("192.0.2.1");
    assert.equal((await refusalOf(services.client().listUsers({}))).code, Code.PermissionDenied);
  });
});

test("without authentication other machines are served when the operator says so", async () => {
  const anonymous = { maintenance: false, remote: true };
  await using services = await Services.open({ authentication: false, peer: "192.0.2.1", room: { anonymous } });
  const nobody = services.client();
  await nobody.set({ KVs: [{ key: utf8("k"), value: utf8("v") }] });
  assert.match((await refusalOf(nobody.createDatabaseV2({ name: "x" }))).text, /do not have|does not have|permissions/);
});
