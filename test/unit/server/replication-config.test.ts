import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ReplicationSettings } from "../../../src/database/replication-settings.ts";
import { DEFAULT_DATABASE_SETTINGS } from "../../../src/database/settings.ts";
import { readConfig } from "../../../src/server/config.ts";
import { StartError } from "../../../src/server/errors.ts";

const REPLICA = {
  "replication-is-replica": true,
  "replication-primary-host": "10.0.0.1",
  "replication-primary-username": "replicator",
} as const;

function replication(given: Record<string, string | true>, environment = {}): ReplicationSettings {
  return readConfig(new Map(Object.entries(given)), environment).config.replication;
}

describe("the flags of replication", () => {
  test("are those of the default database: where its primary is, and how it follows", () => {
    assert.deepEqual(replication(REPLICA, { IMMUDB_REPLICATION_PRIMARY_PASSWORD: "enc:c2VjcmV0IQ==" }), {
      replica: true,
      primaryDatabase: "",
      primaryHost: "10.0.0.1",
      primaryPort: 3322,
      primaryUsername: "replicator",
      primaryPassword: "secret!",
      syncReplication: false,
      syncAcks: 0,
      prefetchTxBufferSize: 100,
      replicationCommitConcurrency: 10,
      allowTxDiscarding: false,
      skipIntegrityCheck: false,
      waitForIndexing: false,
    });
  });

  test("make a synchronous primary", () => {
    const { replica, syncReplication, syncAcks } = replication({
      "replication-sync-enabled": true,
      "replication-sync-acks": "2",
    });
    assert.deepEqual({ replica, syncReplication, syncAcks }, { replica: false, syncReplication: true, syncAcks: 2 });
  });

  test("have their old names", () => {
    const old = {
      "replication-enabled": true,
      "replication-master-address": "10.0.0.9",
      "replication-master-port": "4422",
      "replication-follower-username": "f",
      "replication-follower-password": "p",
    } as const;
    const { replica, primaryHost, primaryPort, primaryUsername, primaryPassword } = replication(old);
    assert.deepEqual(
      [replica, primaryHost, primaryPort, primaryUsername, primaryPassword],
      [true, "10.0.0.9", 4422, "f", "p"],
    );
  });

  test("mean nothing for a server that is neither a replica nor waits for some", () => {
    const given = { "replication-primary-host": "10.0.0.1", "replication-prefetch-tx-buffer-size": "20" };
    assert.deepEqual(replication(given), DEFAULT_DATABASE_SETTINGS.replicationSettings);
  });

  for (const [text, given] of [
    [/at least one sync replica/, { "replication-sync-enabled": true }],
    [
      /syncAcks is a setting of the primary/,
      { ...REPLICA, "replication-sync-enabled": true, "replication-sync-acks": "1" },
    ],
    [/needs a primaryUsername/, { ...REPLICA, "replication-primary-username": "" }],
    [/replication-prefetch-tx-buffer-size/, { ...REPLICA, "replication-prefetch-tx-buffer-size": "0" }],
  ] as const) {
    test(`are refused when they make no sense: ${text.source}`, () => {
      assert.throws(
        () => replication(given),
        (error) => error instanceof StartError && text.test(error.message),
      );
    });
  }

  test("say that a replica without a primary is fed by others", () => {
    const { warnings } = readConfig(new Map([["replication-is-replica", true as const]]), {});
    assert.match(warnings.join("\n"), /fed by others/);
  });
});
