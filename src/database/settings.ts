// The settings of one database: every one that the wire contract names, under the contract's names, with the defaults that
// clients see. They are kept with the database and reported back.
//
//   honoured        replicationSettings (replication-settings.ts)
//                   maxKeyLen maxValueLen maxTxEntries excludeCommitTime writeTxHeaderVersion autoload truncationSettings
//   kept, no effect the rest: sizes, caches and pools of another storage engine
//
// All values are plain JSON (durations in milliseconds), so that settings can be stored as JSON.

import { RETENTION_PERIOD_MIN_MS, STORE_KEY_LENGTH_MAX, TX_ENTRIES_MAX, VALUE_LENGTH_MAX } from "../base/limits.ts";
import { DatabaseError } from "./errors.ts";
import { checkReplication, DEFAULT_REPLICATION_SETTINGS, type ReplicationSettings } from "./replication-settings.ts";

export interface IndexSettings {
  readonly flushThreshold: number;
  readonly syncThreshold: number;
  readonly cacheSize: number;
  readonly maxNodeSize: number;
  readonly maxActiveSnapshots: number;
  readonly renewSnapRootAfter: number;
  readonly compactionThld: number;
  readonly delayDuringCompaction: number;
  readonly nodesLogMaxOpenedFiles: number;
  readonly historyLogMaxOpenedFiles: number;
  readonly commitLogMaxOpenedFiles: number;
  readonly flushBufferSize: number;
  readonly cleanupPercentage: number;
  readonly maxBulkSize: number;
  /** Milliseconds. */
  readonly bulkPreparationTimeout: number;
}

export interface AhtSettings {
  readonly syncThreshold: number;
  readonly writeBufferSize: number;
}

export interface TruncationSettings {
  /** Milliseconds; 0: nothing is ever removed. */
  readonly retentionPeriod: number;
  /** Milliseconds. */
  readonly truncationFrequency: number;
}

export interface DatabaseSettings {
  readonly replicationSettings: ReplicationSettings;
  readonly fileSize: number;
  /** Longest store key in bytes, prefix byte included. */
  readonly maxKeyLen: number;
  /** Longest store value in bytes, prefix byte included. */
  readonly maxValueLen: number;
  /** Entries of one transaction. */
  readonly maxTxEntries: number;
  /** true: transactions carry no time (ts = 0). */
  readonly excludeCommitTime: boolean;
  readonly maxConcurrency: number;
  readonly maxIOConcurrency: number;
  readonly txLogCacheSize: number;
  readonly vLogMaxOpenedFiles: number;
  readonly txLogMaxOpenedFiles: number;
  readonly commitLogMaxOpenedFiles: number;
  readonly indexSettings: IndexSettings;
  /** Version of the headers written from now on: 0 or 1. */
  readonly writeTxHeaderVersion: number;
  /** Whether the database is opened when the server starts. */
  readonly autoload: boolean;
  readonly readTxPoolSize: number;
  /** Milliseconds. */
  readonly syncFrequency: number;
  readonly writeBufferSize: number;
  readonly ahtSettings: AhtSettings;
  readonly maxActiveTransactions: number;
  readonly mvccReadSetLimit: number;
  readonly vLogCacheSize: number;
  readonly truncationSettings: TruncationSettings;
  readonly embeddedValues: boolean;
  readonly preallocFiles: boolean;
}

type Change<T> = { readonly [K in keyof T]?: (T[K] extends object ? Change<T[K]> : T[K]) | undefined };

/** Some settings: what a caller names when he creates or changes a database. Absent means "as it is". */
export type DatabaseSettingsChange = Change<DatabaseSettings>;

/** What a database gets when its creator names nothing (wire contract). */
export const DEFAULT_DATABASE_SETTINGS: DatabaseSettings = {
  replicationSettings: DEFAULT_REPLICATION_SETTINGS,
  fileSize: 512 * 1024 * 1024,
  maxKeyLen: STORE_KEY_LENGTH_MAX,
  maxValueLen: VALUE_LENGTH_MAX,
  maxTxEntries: TX_ENTRIES_MAX,
  excludeCommitTime: false,
  maxConcurrency: 30,
  maxIOConcurrency: 1,
  txLogCacheSize: 1000,
  vLogMaxOpenedFiles: 10,
  txLogMaxOpenedFiles: 10,
  commitLogMaxOpenedFiles: 10,
  indexSettings: {
    flushThreshold: 100_000,
    syncThreshold: 1_000_000,
    cacheSize: 128 * 1024 * 1024,
    maxNodeSize: 4096,
    maxActiveSnapshots: 100,
    renewSnapRootAfter: 1000,
    compactionThld: 2,
    delayDuringCompaction: 10,
    nodesLogMaxOpenedFiles: 10,
    historyLogMaxOpenedFiles: 1,
    commitLogMaxOpenedFiles: 1,
    flushBufferSize: 4096,
    cleanupPercentage: 0,
    maxBulkSize: 1,
    bulkPreparationTimeout: 20,
  },
  writeTxHeaderVersion: 1,
  autoload: true,
  readTxPoolSize: 128,
  syncFrequency: 20,
  writeBufferSize: 4 * 1024 * 1024,
  ahtSettings: { syncThreshold: 100_000, writeBufferSize: 16 * 1024 * 1024 },
  maxActiveTransactions: 1000,
  mvccReadSetLimit: 100_000,
  vLogCacheSize: 0,
  truncationSettings: { retentionPeriod: 0, truncationFrequency: 24 * 60 * 60 * 1000 },
  embeddedValues: false,
  preallocFiles: false,
};

/**
 * `settings` of a database with the named ones replaced. Throws DatabaseError `setting_invalid`,
 * naming the setting, `retention_period_short`, or `illegal_argument` when the result cannot be honoured.
 */
export function changeSettings(
  settings: DatabaseSettings,
  change: DatabaseSettingsChange,
  database: string,
): DatabaseSettings {
  const changed = mergeSettings(settings, change);
  for (const [name, valid] of RANGES) {
    if (!valid(changed)) throw new DatabaseError("setting_invalid", `invalid ${name}`, { setting: name });
  }
  checkReplication(changed.replicationSettings);
  if (retains(changed)) requireRetainable(database, changed, changed.truncationSettings.retentionPeriod);
  return changed;
}

/** Whether old values of such a database are removed by themselves. */
export function retains({ truncationSettings }: DatabaseSettings): boolean {
  return truncationSettings.retentionPeriod > 0;
}

/**
 * Throws `retention_period_short` for less than a day (a mistaken unit would remove what cannot be brought back), and
 * `illegal_argument` where transactions have no time.
 */
export function requireRetainable(database: string, settings: DatabaseSettings, periodMs: number): void {
  if (!(periodMs >= RETENTION_PERIOD_MIN_MS)) {
    const data = { database, limit: RETENTION_PERIOD_MIN_MS };
    throw new DatabaseError("retention_period_short", `the retention period of ${database} is less than a day`, data);
  }
  if (!settings.excludeCommitTime) return;
  const text = "a retention period needs the time of transactions, which excludeCommitTime leaves out";
  throw new DatabaseError("illegal_argument", text, { text });
}

/** The same without a judgement: what was stored is taken as it is. */
export function mergeSettings(settings: DatabaseSettings, change: DatabaseSettingsChange): DatabaseSettings {
  return merge(settings, change);
}

// A group of settings is changed field by field; Object.entries sees what the compiler checked in the signature.
function merge<T extends object>(settings: T, change: Change<T>): T {
  const merged = { ...settings } as Record<string, unknown>;
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    const old = merged[name];
    merged[name] = typeof value === "object" && value !== null ? merge(old as object, value) : value;
  }
  return merged as T;
}

type Check = (settings: DatabaseSettings) => boolean;

// Under the names by which clients know them from refusals.
const RANGES: readonly (readonly [string, Check])[] = [
  ["MaxConcurrency", (s) => s.maxConcurrency > 0],
  ["MaxTxEntries", (s) => s.maxTxEntries > 0],
  ["MaxKeyLen", (s) => s.maxKeyLen > 0 && s.maxKeyLen <= STORE_KEY_LENGTH_MAX],
  ["MaxValueLen", (s) => s.maxValueLen > 0],
  ["RetentionPeriod", (s) => s.truncationSettings.retentionPeriod >= 0],
  ["TruncationFrequency", (s) => !retains(s) || s.truncationSettings.truncationFrequency > 0],
  ["WriteTxHeaderVersion", (s) => s.writeTxHeaderVersion === 0 || s.writeTxHeaderVersion === 1],
];
