import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DatabaseNullableSettingsSchema, DatabaseSettingsSchema } from "../../../gen/immudb/schema/settings_pb.ts";
import { type DatabaseSettingsChange, DEFAULT_DATABASE_SETTINGS, newFacts } from "../../../src/database/settings.ts";
import { plainSettingsFromWire, settingsFromWire, settingsToWire } from "../../../src/services/settings.ts";

describe("database settings on the wire", () => {
  test("every field of the message is set, zeros too, so that a client can tell them from missing ones", () => {
    const message = settingsToWire(DEFAULT_DATABASE_SETTINGS);
    for (const field of DatabaseNullableSettingsSchema.fields) {
      const part = message[field.localName as keyof typeof message];
      assert.notEqual(part, undefined, field.name);
    }
    assert.equal(message.excludeCommitTime?.value, false);
    assert.equal(message.indexSettings?.renewSnapRootAfter?.value, 1000n);
    assert.equal(message.truncationSettings?.truncationFrequency?.value, 86_400_000n);
  });

  test("reading back what was written gives the same settings", () => {
    const written: DatabaseSettingsChange = {
      maxKeyLen: 64,
      autoload: false,
      indexSettings: { cleanupPercentage: 0.5, bulkPreparationTimeout: 7 },
      replicationSettings: { primaryHost: "h" },
      truncationSettings: { retentionPeriod: 86_400_000 },
    };
    const settings = newFacts("db1", written).settings;
    const bytes = toBinary(DatabaseNullableSettingsSchema, settingsToWire(settings));
    const change = settingsFromWire(fromBinary(DatabaseNullableSettingsSchema, bytes));
    assert.deepEqual(newFacts("db1", change).settings, settings);
  });

  test("a message names only what it carries; no message names nothing", () => {
    const message = create(DatabaseNullableSettingsSchema, {
      maxTxEntries: { value: 0 },
      ahtSettings: { syncThreshold: { value: 5 } },
    });
    assert.deepEqual(settingsFromWire(message), { maxTxEntries: 0, ahtSettings: { syncThreshold: 5 } });
    assert.deepEqual(settingsFromWire(undefined), {});
  });

  test("a password is never told", () => {
    const replicationSettings = { ...DEFAULT_DATABASE_SETTINGS.replicationSettings, primaryPassword: "secret" };
    const message = settingsToWire({ ...DEFAULT_DATABASE_SETTINGS, replicationSettings });
    assert.equal(message.replicationSettings?.primaryPassword?.value, "");
  });

  test("in the older message zero means that nothing was said", () => {
    const older = create(DatabaseSettingsSchema, { databaseName: "d", maxKeyLen: 64, excludeCommitTime: true });
    const settings = newFacts("db1", plainSettingsFromWire(older)).settings;
    assert.deepEqual(settings, { ...DEFAULT_DATABASE_SETTINGS, maxKeyLen: 64, excludeCommitTime: true });
  });
});
