// The suite over both transports, and that a run fails when it should. By hand: `npm run conformance:rpc`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { requireTool } from "../support/requires.ts";
import { judge, knownFailures, type Outcome, readReport, runSuite, summary } from "./suite.ts";
import { TRANSPORTS } from "./transports.ts";

/** Building the suite on first use included. */
const RUN_MS_MAX = 600_000;

describe("our port conforms to Connect, gRPC and gRPC-Web", () => {
  let stock: Outcome | undefined;
  for (const transport of TRANSPORTS) {
    test(`over the transport ${transport}`, { timeout: RUN_MS_MAX }, async (t) => {
      if (!requireTool("go", t)) return;
      const outcome = await runSuite(transport);
      console.log(summary(transport, outcome));
      assert.deepEqual(judge(outcome, await knownFailures(transport), stock), []);
      stock ??= outcome;
    });
  }
});

describe("the judgement of a run", () => {
  const outcome = (...names: string[]): Outcome => {
    return { total: 10, failed: new Map(names.map((name) => [name, "\treason"])), seconds: 1 };
  };

  test("finds nothing when what failed is what is listed", () => {
    assert.deepEqual(judge(outcome("a", "b"), ["b", "a"]), []);
    assert.deepEqual(judge(outcome("a"), ["a"], outcome("a")), []);
  });

  test("finds a case that fails and is not listed", () => {
    assert.deepEqual(judge(outcome("a", "b"), ["a"]), ["fails: b\n\treason"]);
  });

  test("finds a listed case that passes, or is not there any more", () => {
    assert.deepEqual(judge(outcome(), ["a"]), ["passes, or is gone, and must leave the list: a"]);
  });

  test("finds a listed case that the stock adapter passes", () => {
    assert.deepEqual(judge(outcome("a", "b"), ["a", "b"], outcome("a")), [
      "the stock adapter passes what is listed: b",
    ]);
  });
});

describe("the report of the suite", () => {
  const FAILED = "FAILED: Basic/TLS:false/unary:\n\texpecting 1, got 0\n---- HTTP Trace ----\n request> POST\n";

  test("names what failed, with the reason", () => {
    const { total, failed } = readReport(`${FAILED}FAILED: Errors/b:\n\twhy\n\nTotal cases: 5\n3 passed, 2 failed\n`);
    assert.equal(total, 5);
    assert.deepEqual(
      [...failed],
      [
        ["Basic/TLS:false/unary", "\texpecting 1, got 0\n---- HTTP Trace ----\n request> POST"],
        ["Errors/b", "\twhy"],
      ],
    );
  });

  test("is refused when it is not whole", () => {
    for (const output of [
      "",
      FAILED,
      "Total cases: 0\n0 passed, 0 failed\n",
      `${FAILED}\nTotal cases: 5\n3 passed, 2 failed\n`,
      `${FAILED}\nTotal cases: 4\n3 passed, 1 failed\nAnother 1 could not be run due to client timing out.\n`,
    ]) {
      assert.throws(() => readReport(output), /did not run to its end/, output);
    }
  });
});
