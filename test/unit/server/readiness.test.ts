import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DatabaseCondition } from "../../../src/database/database-info.ts";
import { Readiness, type Vitals } from "../../../src/server/readiness.ts";

const SOUND: DatabaseCondition = {
  name: "books",
  isLoaded: true,
  isQuarantined: false,
  diskSize: 1,
  committed: 1000n,
  open: { indexed: 1000n, isReadOnly: false },
};

function readinessWith(condition: Partial<DatabaseCondition>, vitals: Partial<Vitals> = {}): Readiness {
  const readiness = new Readiness(100);
  readiness.started({
    conditions: () => [SOUND, { ...SOUND, name: "music", ...condition }],
    space: { isLow: false },
    isAuditStuck: () => false,
    diverged: () => [],
    ...vitals,
  });
  return readiness;
}

describe("readiness", () => {
  test("is not there before the server has started, nor once it stops", () => {
    const readiness = new Readiness();
    assert.equal(readiness.hasStarted, false);
    assert.deepEqual(
      readiness.obstacles().map(({ reason }) => reason),
      ["starting"],
    );
    const started = readinessWith({});
    assert.equal(started.hasStarted, true);
    assert.deepEqual(started.obstacles(), []);
    started.stopping();
    assert.deepEqual(
      started.obstacles().map(({ reason }) => reason),
      ["stopping"],
    );
  });

  for (const [what, condition, reason] of [
    ["a damaged database", { isQuarantined: true, isLoaded: false, open: undefined }, "database_quarantined"],
    ["a write whose outcome is not known", { open: { indexed: 1000n, isReadOnly: true } }, "outcome_unknown"],
    ["an index too far behind", { open: { indexed: 899n, isReadOnly: false } }, "index_behind"],
  ] as const) {
    test(`names ${what} and the database`, () => {
      const [obstacle, ...others] = readinessWith(condition).obstacles();
      assert.deepEqual([obstacle?.reason, obstacle?.database], [reason, "music"]);
      assert.deepEqual(others, []);
    });
  }

  test("bears with an index that is no further behind than the limit, and with closed and unloaded databases", () => {
    assert.deepEqual(readinessWith({ open: { indexed: 900n, isReadOnly: false } }).obstacles(), []);
    assert.deepEqual(readinessWith({ open: undefined }).obstacles(), []);
    assert.deepEqual(readinessWith({ open: undefined, isLoaded: false }).obstacles(), []);
  });

  test("names a replica that has stopped for good", () => {
    const [obstacle, ...others] = readinessWith({}, { diverged: () => ["music"] }).obstacles();
    assert.deepEqual([obstacle?.reason, obstacle?.database], ["replica_diverged", "music"]);
    assert.deepEqual(others, []);
  });

  test("names everything that is in the way at once", () => {
    const readiness = readinessWith({ isQuarantined: true }, { space: { isLow: true }, isAuditStuck: () => true });
    assert.deepEqual(
      readiness.obstacles().map(({ reason }) => reason),
      ["database_quarantined", "disk_low", "audit_log_unwritable"],
    );
  });
});
