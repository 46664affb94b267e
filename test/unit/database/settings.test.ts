import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DatabaseError } from "../../../src/database/errors.ts";
import { type DatabaseSettingsChange, DEFAULT_DATABASE_SETTINGS, newFacts } from "../../../src/database/settings.ts";

const change = (c: DatabaseSettingsChange) => newFacts("db1", c).settings;

function refusal(c: DatabaseSettingsChange): DatabaseError {
  try {
    change(c);
  } catch (error) {
    assert.ok(error instanceof DatabaseError);
    return error;
  }
  assert.fail("the change was accepted");
}

describe("database settings", () => {
  test("an empty change keeps every default", () => {
    assert.deepEqual(change({}), DEFAULT_DATABASE_SETTINGS);
  });

  test("a change replaces what it names and nothing beside it, also inside a group", () => {
    const changed = change({ maxKeyLen: 64, autoload: undefined, indexSettings: { cacheSize: 1 } });
    assert.deepEqual(changed, {
      ...DEFAULT_DATABASE_SETTINGS,
      maxKeyLen: 64,
      indexSettings: { ...DEFAULT_DATABASE_SETTINGS.indexSettings, cacheSize: 1 },
    });
    assert.equal(DEFAULT_DATABASE_SETTINGS.indexSettings.cacheSize, 134_217_728);
  });

  test("settings survive a trip through JSON", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(DEFAULT_DATABASE_SETTINGS)), DEFAULT_DATABASE_SETTINGS);
  });

  for (const [name, c] of [
    ["MaxTxEntries", { maxTxEntries: 0 }],
    ["MaxKeyLen", { maxKeyLen: 0 }],
    ["MaxKeyLen", { maxKeyLen: 1025 }],
    ["MaxValueLen", { maxValueLen: 0 }],
    ["MaxConcurrency", { maxConcurrency: 0 }],
    ["WriteTxHeaderVersion", { writeTxHeaderVersion: 2 }],
    ["RetentionPeriod", { truncationSettings: { retentionPeriod: -1 } }],
    ["TruncationFrequency", { truncationSettings: { retentionPeriod: 86_400_000, truncationFrequency: 0 } }],
  ] as const) {
    test(`${JSON.stringify(c)} is out of range`, () => {
      const error = refusal(c);
      assert.equal(error.code, "setting_invalid");
      assert.equal(error.data["setting"], name);
    });
  }

  test("a retention period is a day at least, and its refusal names the database", () => {
    assert.equal(
      change({ truncationSettings: { retentionPeriod: 86_400_000 } }).truncationSettings.retentionPeriod,
      86_400_000,
    );
    const error = refusal({ truncationSettings: { retentionPeriod: 86_399_999 } });
    assert.equal(error.code, "retention_period_short");
    assert.equal(error.data["database"], "db1");
  });

  test("a retention period is refused where transactions have no time", () => {
    const error = refusal({ excludeCommitTime: true, truncationSettings: { retentionPeriod: 86_400_000 } });
    assert.equal(error.code, "illegal_argument");
    assert.match(String(error.data["text"]), /excludeCommitTime/);
  });
});
