import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { Sessions } from "../../../src/auth/sessions.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { codeOf, TestClock } from "./support.ts";

const LIMITS = { sessionsMax: 2, idleMs: 300_000, ageMs: Number.POSITIVE_INFINITY };

describe("sessions", () => {
  let clock: TestClock;
  const sessionsWith = (limits = {}) => new Sessions({ ...LIMITS, ...limits }, clock, systemRandom);
  beforeEach(() => {
    clock = new TestClock();
  });

  test("an id is 44 characters of URL-safe base64 over 32 bytes, and no two are the same", () => {
    const sessions = sessionsWith({ sessionsMax: 1000 });
    const ids = new Set(Array.from({ length: 1000 }, () => sessions.open({ name: "u", sysadmin: false }, "db").id));
    assert.equal(ids.size, 1000);
    for (const id of ids) {
      assert.match(id, /^[A-Za-z0-9_-]{43}=$/);
      assert.equal(Buffer.from(id, "base64url").length, 32);
    }
  });

  test("an open session is found until it is closed", async () => {
    const sessions = sessionsWith();
    const session = sessions.open({ name: "u", sysadmin: false }, "db");
    assert.equal(sessions.find(session.id), session);
    sessions.close(session);
    assert.equal(await codeOf(() => sessions.find(session.id)), "session_not_found");
    assert.equal(await codeOf(() => sessions.find("")), "session_not_found");
  });

  test("silence ends a session, a call keeps it", async () => {
    const sessions = sessionsWith();
    const { id } = sessions.open({ name: "u", sysadmin: false }, "db");
    clock.ms += 300_000;
    sessions.find(id);
    clock.ms += 300_000;
    sessions.find(id);
    clock.ms += 300_001;
    assert.equal(await codeOf(() => sessions.find(id)), "session_not_found");
    assert.equal(sessions.size, 0);
  });

  test("age ends a session however busy it is", async () => {
    const sessions = sessionsWith({ ageMs: 1000 });
    const { id } = sessions.open({ name: "u", sysadmin: false }, "db");
    clock.ms += 1000;
    sessions.find(id);
    clock.ms += 1;
    assert.equal(await codeOf(() => sessions.find(id)), "session_not_found");
  });

  test("one session too many is refused, and a session that is over makes room", async () => {
    const sessions = sessionsWith();
    sessions.open({ name: "u", sysadmin: false }, "db");
    sessions.open({ name: "u", sysadmin: false }, "db");
    assert.equal(await codeOf(() => sessions.open({ name: "u", sysadmin: false }, "db")), "sessions_full");
    clock.ms += 300_001;
    sessions.open({ name: "u", sysadmin: false }, "db");
    assert.equal(sessions.size, 1);
  });

  test("a sweep removes what is over and nothing else", () => {
    const sessions = sessionsWith();
    sessions.open({ name: "old", sysadmin: false }, "db");
    clock.ms += 200_000;
    const young = sessions.open({ name: "young", sysadmin: false }, "db");
    clock.ms += 200_000;
    assert.equal(sessions.sweep(), 1);
    assert.equal(sessions.find(young.id), young);
  });
});
