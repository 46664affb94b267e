// The replication-* flags: how the default database is replicated. Every other database has this in its own settings. The
// system database follows nobody: what it records is about this server.

import { REPLICATION_PREFETCH_MAX } from "../base/limits.ts";
import { DatabaseError } from "../database/errors.ts";
import {
  checkReplication,
  DEFAULT_REPLICATION_SETTINGS,
  type ReplicationSettings,
} from "../database/replication-settings.ts";
import { StartError } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** Throws StartError for flags that contradict each other. */
export function replicationOf(settings: Settings): ReplicationSettings {
  const replica = settings.boolean("replication-is-replica");
  const syncReplication = settings.boolean("replication-sync-enabled");
  const asked: ReplicationSettings = {
    replica,
    primaryDatabase: "",
    primaryHost: settings.text("replication-primary-host"),
    primaryPort: settings.integer("replication-primary-port", 1, 65_535),
    primaryUsername: settings.text("replication-primary-username"),
    primaryPassword: settings.secret("replication-primary-password"),
    syncReplication,
    syncAcks: settings.integer("replication-sync-acks", 0, 1000),
    prefetchTxBufferSize: settings.integer("replication-prefetch-tx-buffer-size", 1, REPLICATION_PREFETCH_MAX),
    replicationCommitConcurrency: settings.integer("replication-commit-concurrency", 1, 2 ** 31),
    allowTxDiscarding: settings.boolean("replication-allow-tx-discarding"),
    skipIntegrityCheck: settings.boolean("replication-skip-integrity-check"),
    waitForIndexing: settings.boolean("replication-wait-for-indexing"),
  };
  try {
    checkReplication(asked);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new StartError(`the --replication- flags contradict each other: ${error.message}`, "see immudb --help");
  }
  if (replica && asked.primaryHost === "") {
    settings.warn("--replication-is-replica without --replication-primary-host: the default database is fed by others");
  }
  return replica || syncReplication ? asked : DEFAULT_REPLICATION_SETTINGS;
}
