import assert from "node:assert/strict";
import { test } from "node:test";
import { runCuts } from "./power-cuts.ts";

const SEEDS = 250;
const CUTS = 4;

test("what was acknowledged survives a thousand power cuts, each decided by a seed", async () => {
  let acknowledged = 0;
  let cuts = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const result = await runCuts(seed, CUTS);
      acknowledged += result.acknowledged;
      cuts += result.cuts;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert.equal(cuts, SEEDS * CUTS);
  assert.ok(acknowledged > cuts, "clients wrote something between the cuts");
});

test("the same check finds the loss when the disk does not sync", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed++) {
    await runCuts(seed, CUTS, { ignoreSync: true }).catch((error: Error) => {
      assert.match(error.message, /lost|another one now|not found/);
      lost++;
    });
  }
  assert.ok(lost >= 15, `only ${lost} of 20 seeds lost an acknowledged write`);
});

test("a write that failed is answered truly: stored ones are acknowledged, others are gone", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    let writes = 0;
    const fault = () =>
      (++writes % 5 === 3 ? "lost" : writes % 7 === 4 ? "stored" : "none") as "lost" | "stored" | "none";
    await runCuts(seed, 2, { fault });
  }
});
