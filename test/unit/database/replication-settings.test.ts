import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DatabaseError } from "../../../src/database/errors.ts";
import type { ReplicationSettings } from "../../../src/database/replication-settings.ts";
import { changedFacts, DEFAULT_DATABASE_SETTINGS, newFacts } from "../../../src/database/settings.ts";

const FOLLOWER = { replica: true, primaryHost: "10.0.0.1", primaryUsername: "immudb" };

function change(replicationSettings: Partial<ReplicationSettings>): ReplicationSettings {
  return newFacts("db1", { replicationSettings }).settings.replicationSettings;
}

function refusal(replicationSettings: Partial<ReplicationSettings>): string {
  try {
    change(replicationSettings);
  } catch (error) {
    assert.ok(error instanceof DatabaseError && error.code === "illegal_argument");
    return String(error.data["text"]);
  }
  throw new Error("it was taken");
}

describe("replication settings", () => {
  for (const [what, settings] of [
    ["a primary that waits for replicas", { syncReplication: true, syncAcks: 2 }],
    ["a replica", FOLLOWER],
    ["a synchronous replica", { ...FOLLOWER, syncReplication: true, allowTxDiscarding: true }],
    ["a replica that somebody else feeds", { replica: true }],
    ["a promoted replica, which keeps what it knew of its primary", { ...FOLLOWER, replica: false }],
  ] as const) {
    test(`can be those of ${what}`, () => {
      assert.deepEqual(change(settings), { ...DEFAULT_DATABASE_SETTINGS.replicationSettings, ...settings });
    });
  }

  test("keep the password while host, port and user stay, and forget it for others", () => {
    const facts = newFacts("db1", { replicationSettings: { ...FOLLOWER, primaryPassword: "secret" } });
    const after = (replicationSettings: Partial<ReplicationSettings>): string =>
      changedFacts(facts, { replicationSettings }).settings.replicationSettings.primaryPassword;
    assert.equal(after({ syncReplication: true, primaryHost: FOLLOWER.primaryHost }), "secret");
    for (const other of [{ primaryHost: "10.0.0.66" }, { primaryPort: 4444 }, { primaryUsername: "other" }]) {
      assert.equal(after(other), "");
      assert.equal(after({ ...other, primaryPassword: "of the other" }), "of the other");
    }
  });

  test("refuse a synchronous primary without replicas, in words that tools look for", () => {
    assert.match(refusal({ syncReplication: true }), /necessary to have at least one sync replica/);
  });

  for (const [text, settings] of [
    [/syncAcks needs syncReplication/, { syncAcks: 1 }],
    [/setting of the primary/, { ...FOLLOWER, syncReplication: true, syncAcks: 1 }],
    [/needs a primaryUsername/, { ...FOLLOWER, primaryUsername: "" }],
    [/primaryPort/, { ...FOLLOWER, primaryPort: 65_536 }],
    [/prefetchTxBufferSize/, { prefetchTxBufferSize: 10_001 }],
  ] as const) {
    test(`refuse what contradicts itself or has no bound: ${text.source}`, () => assert.match(refusal(settings), text));
  }
});
