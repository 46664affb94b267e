import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAdministrator, mayUse, type Permission, type User } from "../../../src/auth/permissions.ts";

const user = (permissions: Record<string, Permission>, sysadmin = false): User => ({
  name: "u",
  sysadmin,
  permissions: new Map(Object.entries(permissions)),
  sqlPrivileges: new Map(),
  active: true,
  createdBy: "immudb",
  createdAtMs: 0,
});

describe("permissions", () => {
  const levels = ["read", "write", "admin"] as const;

  test("each permission includes the ones before it and none after it", () => {
    for (const [i, has] of levels.entries()) {
      for (const [j, needed] of levels.entries()) {
        assert.equal(mayUse(user({ a: has }), "a", needed), j <= i, `${has} for ${needed}`);
      }
    }
  });

  test("a permission counts on its own database only", () => {
    assert.equal(mayUse(user({ a: "admin" }), "b", "read"), false);
    assert.equal(mayUse(user({}), "a", "read"), false);
  });

  test("the system administrator may do everything everywhere", () => {
    for (const needed of levels) assert.equal(mayUse(user({}, true), "any", needed), true);
    assert.equal(isAdministrator(user({}, true)), true);
  });

  test("an administrator is who administers at least one database", () => {
    assert.equal(isAdministrator(user({ a: "read", b: "admin" })), true);
    assert.equal(isAdministrator(user({ a: "write" })), false);
  });
});
