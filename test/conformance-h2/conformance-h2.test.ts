// h2spec against our HTTP/2: everything passes. By hand: `npm run conformance:h2`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { requireTool } from "../support/requires.ts";
import { SERVERS } from "./servers.ts";
import { readReport, runH2spec, summary } from "./suite.ts";

/** Building the suite on first use included. */
const RUN_MS_MAX = 600_000;

describe("our HTTP/2 passes h2spec entirely", () => {
  for (const [name, server] of Object.entries(SERVERS)) {
    test(name, { timeout: RUN_MS_MAX }, async (t) => {
      if (!requireTool("go", t)) return;
      const outcome = await runH2spec(server);
      console.log(summary(name, outcome));
      assert.equal(outcome.passed, outcome.total, outcome.output);
    });
  }
});

describe("the report of h2spec", () => {
  test("counts a skipped test as one that did not pass", () => {
    assert.deepEqual(readReport("\nFinished\n146 tests, 145 passed, 1 skipped, 0 failed\n"), {
      total: 146,
      passed: 145,
    });
  });

  test("is refused when it is not whole", () => {
    for (const output of [
      "",
      "0 tests, 0 passed, 0 skipped, 0 failed\n",
      "146 tests, 12 passed, 0 skipped, 0 failed\n",
    ]) {
      assert.throws(() => readReport(output), /did not run to its end/, output);
    }
  });
});
