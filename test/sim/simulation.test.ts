import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MUTATIONS } from "./mutations.ts";
import { describeReport } from "./report.ts";
import { simulate } from "./simulation.ts";

const SEEDS = 100;
const OPS = 120;
const SEEDS_OF_MUTATION = 80;

test("nothing that was promised is broken by crashes, failing disks, flipped bits and jumping clocks", async () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = await simulate({ seed, ops: OPS });
    assert.ok(report.findings.length === 0, describeReport(report, OPS));
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  for (const what of EVERYTHING) assert.ok((counts.get(what) ?? 0) > 0, `${what}: never happened`);
});

test("the same seed gives the same run", async () => {
  for (const seed of [3, 1_000_003]) {
    const [first, second] = await Promise.all([simulate({ seed, ops: OPS }), simulate({ seed, ops: OPS })]);
    assert.equal(first.digest, second.digest);
    assert.notEqual(first.digest, (await simulate({ seed: seed + 1, ops: OPS })).digest);
  }
});

describe("is found within a few seeds:", () => {
  for (const [name, mutation] of Object.entries(MUTATIONS)) {
    test(name, async (t) => {
      // Other ones than are known to find nothing wrong with the honest.
      for (let seed = SEEDS + 1; seed <= SEEDS + SEEDS_OF_MUTATION; seed++) {
        const { findings } = await simulate({ seed, ops: OPS, mutation: mutation() });
        if (findings.length === 0) continue;
        t.diagnostic(`seed ${seed}: ${findings[0]}`);
        return;
      }
      assert.fail(`not found by ${SEEDS_OF_MUTATION} seeds`);
    });
  }
});

/** What must happen in these runs, or they show nothing. */
const EVERYTHING: readonly string[] = [
  "audits",
  "bits flipped",
  "clock jumps",
  "closed in peace",
  ...["process", "machine"].flatMap((what) =>
    ["opens", "replays", "works", "closes"].map((when) => `${what} crashes while it ${when}`),
  ),
  "truncations",
  "trusted states proven",
  "writes of the disk: full",
  "writes of the disk: lost",
  "writes of the disk: stored",
];
