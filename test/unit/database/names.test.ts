import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { databaseName, requireNotReserved } from "../../../src/database/names.ts";
import { codeOf } from "./support.ts";

describe("the name of a database", () => {
  test("is kept in lower case", () => {
    assert.equal(databaseName("Orders_2024"), "orders_2024");
    assert.equal(databaseName("a"), "a");
    assert.equal(databaseName("x".repeat(128)), "x".repeat(128));
  });

  for (const [name, code] of [
    ["", "name_length"],
    ["x".repeat(129), "name_length"],
    ["a-b", "name_punctuation"],
    ["a.b", "name_punctuation"],
    ["../up", "name_punctuation"],
    ["a+b", "name_punctuation"],
    ["a/b", "name_punctuation"],
    ["a b", "name_character"],
    ["a\u0000b", "name_character"],
    ["größe", "name_character"],
    ["数据", "name_character"],
    // Its lower case is longer than itself, and not ASCII.
    ["İ", "name_character"],
  ] as const) {
    test(`${JSON.stringify(name.slice(0, 10))} is refused as ${code}`, async () => {
      assert.equal(await codeOf(() => databaseName(name)), code);
    });
  }

  test("of two databases is the server's", async () => {
    for (const name of ["defaultdb", "systemdb"])
      assert.equal(await codeOf(() => requireNotReserved(name)), "database_reserved");
    requireNotReserved("other");
  });
});
