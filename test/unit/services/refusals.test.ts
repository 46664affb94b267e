import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import { OWN_REFUSALS, refusalsOf } from "../../../src/services/refusals.ts";

describe("refusals", () => {
  test("are the general ones where a method has none of its own", () => {
    assert.deepEqual(refusalsOf(ImmuService.method.set), {
      unauthenticated: "not_logged_in",
      forbidden: "permission_denied",
    });
  });

  test("of methods that only take a session ask for one", () => {
    for (const name of ["keepAlive", "closeSession", "commit", "newTx"] as const) {
      assert.equal(refusalsOf(ImmuService.method[name]).unauthenticated, "no_session", name);
    }
  });

  test("differ where clients have always seen other words", () => {
    assert.equal(refusalsOf(ImmuService.method.databaseListV2).unauthenticated, "please_login");
    assert.equal(refusalsOf(ImmuService.method.createDatabaseV2).forbidden, "operation_forbidden");
    assert.equal(refusalsOf(ImmuService.method.useDatabase).forbidden, "database_forbidden");
    assert.equal(refusalsOf(ImmuService.method.createUser).forbidden, "user_administration_forbidden");
  });

  test("are only given for methods that exist", () => {
    const names = new Set(ImmuService.methods.map((method) => method.name));
    for (const name of Object.keys(OWN_REFUSALS)) assert.ok(names.has(name), name);
  });
});
