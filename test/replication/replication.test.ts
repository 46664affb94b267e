import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { catchUp, primaryDies } from "./rounds.ts";

const ROUND = { seed: 11, writes: 120, writers: 8, kills: 1 };

describe("two real servers", () => {
  test("a replica that is killed under load catches up, with the same hash, and takes no writes", async () => {
    const { acknowledged, findings } = await catchUp(ROUND, false);
    assert.deepEqual(findings, []);
    assert.ok(acknowledged >= ROUND.writes);
  });

  test("a synchronous replica that is killed under load catches up", async () => {
    const { acknowledged, findings } = await catchUp(ROUND, true);
    assert.deepEqual(findings, []);
    assert.ok(acknowledged >= ROUND.writes);
  });

  test("a synchronous replica has all that was acknowledged when its primary dies", async () => {
    const { acknowledged, findings } = await primaryDies(ROUND);
    assert.deepEqual(findings, []);
    assert.ok(acknowledged >= ROUND.writes / 2);
  });
});
