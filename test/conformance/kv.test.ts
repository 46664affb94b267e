// The recorded key-value behaviour over the wire, against the real server. What is not answered as recorded is listed in
// known-differences.txt, a case with the steps that differ; other steps that differ fail the run, and so do listed ones that
// do not, so that progress shows as a diff of that file. A case listed without steps differs somewhere.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { readCases } from "./corpus.ts";
import { describeFailures, judgeCase } from "./judge.ts";
import { loadSchema } from "./schema.ts";
import { Target } from "./target.ts";

/** The cases that this server must never lose again. */
const REQUIRED = [
  "kv/set-get",
  "kv/get-at-tx",
  "kv/get-at-revision",
  "kv/get-all",
  "kv/delete",
  "kv/expiration",
  "kv/scan-basic",
  "kv/scan-after-updates",
  "kv/history",
  "kv/preconditions",
];

const cases = readCases(new URL("corpus/kv.jsonl", import.meta.url));
const known = readKnownDifferences();

for (const transport of ["own", "node"])
  describe(`the recorded key-value behaviour, transport ${transport}`, () => {
    let server: TestServer;
    let target: Target;

    before(async () => {
      server = await startTestServer({ transport });
      target = new Target(server.host, server.port, loadSchema());
    });
    after(async () => {
      target.close();
      await server[Symbol.asyncDispose]();
    });

    test("the corpus holds the cases that must pass, none of them listed as a difference", () => {
      const names = new Set(cases.map((c) => c.name));
      for (const name of REQUIRED) assert.ok(names.has(name), `${name} is not in the corpus`);
      assert.deepEqual(
        REQUIRED.filter((name) => known.has(name)),
        [],
      );
      assert.deepEqual(
        [...known.keys()].filter((name) => !names.has(name)),
        [],
        "listed, but not in the corpus",
      );
    });

    for (const recorded of cases) {
      test(`${recorded.name} ${known.has(recorded.name) ? "differs as listed" : "is answered as recorded"}`, async () => {
        const verdict = await judgeCase(target, recorded, { user: server.user, password: server.password });
        const steps = verdict.passed + verdict.failures.length;
        assert.ok(steps > 0, "no step ran");
        const listed = known.get(recorded.name);
        if (listed?.length === 0) {
          assert.notEqual(verdict.failures.length, 0, `passes now: take ${recorded.name} off known-differences.txt`);
        } else {
          const different = verdict.failures.map(({ step }) => step);
          assert.deepEqual(different, listed ?? [], `\n${describeFailures(recorded, verdict, 5)}`);
        }
      });
    }
  });

/** The steps that differ, counted from 0, by the case's name. */
function readKnownDifferences(): Map<string, number[]> {
  const text = readFileSync(new URL("known-differences.txt", import.meta.url), "utf8");
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return new Map(
    lines
      .filter((line) => line !== "")
      .map((line) => {
        const [name = "", ...steps] = line.split(/\s+/);
        return [name, steps.map(Number)];
      }),
  );
}
