// A sample of the campaign: every fault, few rounds of each. `npm run faults` makes them all.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { damagedFiles } from "./damaged-files.ts";
import { FAULTS } from "./faults.ts";
import { Unavailable } from "./outcome.ts";

// Mostly waiting for programs that start.
describe("real faults lose nothing that was acknowledged, and leave nothing that was refused", {
  concurrency: 3,
}, () => {
  // These are tests themselves, and run as such.
  for (const fault of FAULTS.filter((one) => one !== damagedFiles)) {
    test(fault.name, async (t) => {
      try {
        for (const { fault: kind, rounds, acknowledged, findings } of await fault.run({ extent: "sample" })) {
          t.diagnostic(`${kind}: ${rounds} rounds, ${acknowledged} acknowledged`);
          assert.ok(rounds > 0 && acknowledged > 0, `${kind}: something was written`);
          assert.deepEqual(findings, [], kind);
        }
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (error.remedy === "installable" && process.env["CI"] === "true") throw error;
        t.skip(error.message);
      }
    });
  }
});
