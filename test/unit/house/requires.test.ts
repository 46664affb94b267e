import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, type TestContext, test } from "node:test";
import { requireTool } from "../../support/requires.ts";

describe("a test that needs a tool", () => {
  const { PATH, CI } = process.env;
  const reasons: (string | undefined)[] = [];
  const t = { skip: (reason?: string) => reasons.push(reason) } as unknown as TestContext;

  beforeEach(() => {
    reasons.length = 0;
    process.env["PATH"] = "";
  });

  afterEach(() => {
    process.env["PATH"] = PATH;
    if (CI === undefined) delete process.env["CI"];
    else process.env["CI"] = CI;
  });

  test("is skipped with the reason where the tool is missing", () => {
    delete process.env["CI"];
    assert.equal(requireTool("go", t), false);
    assert.deepEqual(reasons, ["no go on the PATH"]);
  });

  test("fails under CI where the tool is missing", () => {
    process.env["CI"] = "true";
    assert.throws(() => requireTool("python3", t), /python3 is missing/);
    assert.deepEqual(reasons, []);
  });

  test("runs where the tool is there", () => {
    process.env["PATH"] = PATH;
    process.env["CI"] = "true";
    assert.equal(requireTool("python3", t), true);
  });
});
