// The settings of one database: every one that the wire contract names, under the contract's names, with the defaults that
// clients see. They are kept with the database and reported back.
//
//   honoured        replicationSettings (replication-settings.ts), maxKeyLen maxValueLen maxTxEntries excludeCommitTime
//                   writeTxHeaderVersion autoload truncationSettings, and of indexSettings: cleanupPercentage (its range),
//                   flushThreshold and compactionThld (when CompactIndex runs)
//   fixed           the measures that a ledger is made with: see FIXED
//   kept, no effect the rest: sizes, caches and pools of another storage engine, which change no answer
//
// docs/databases.md says of each when a change takes effect.
//
// All values are plain JSON (durations in milliseconds), so that settings can be stored as JSON.

import { RETENTION_PERIOD_MIN_MS, STORE_KEY_LENGTH_MAX, TX_ENTRIES_MAX, VALUE_LENGTH_MAX } from "../base/limits.ts";
import { DatabaseError } from "./errors.ts";
import {
  checkReplication,
  DEFAULT_REPLICATION_SETTINGS,
  type ReplicationSettings,
  withoutOldPassword,
} from "./replication-settings.ts";

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

/** What of a database decides how it is served. */
export interface DatabaseFacts {
  readonly name: string;
  readonly settings: DatabaseSettings;
  /** Whether some of its transactions may say nothing of their age: they were made while excludeCommitTime was set. */
  readonly undated?: boolean | undefined;
}

/**
 * A database that is to be made, with the settings that its creator names. Throws DatabaseError `setting_invalid`, naming the setting, `retention_period_short`, or `illegal_argument` when they cannot be honoured.
 */
export function newFacts(database: string, change: DatabaseSettingsChange): DatabaseFacts {
  return checked(database, mergeSettings(DEFAULT_DATABASE_SETTINGS, change), false);
}

/** A database with the named settings replaced. Throws what newFacts() throws, and `setting_fixed`. */
export function changedFacts(
  { name, settings, undated = settings.excludeCommitTime }: DatabaseFacts,
  change: DatabaseSettingsChange,
): DatabaseFacts {
  const merged = mergeSettings(settings, change);
  const given = change.replicationSettings?.primaryPassword;
  const replicationSettings = withoutOldPassword(settings.replicationSettings, merged.replicationSettings, given);
  const changed = { ...merged, replicationSettings };
  for (const [setting, of] of FIXED) {
    if (of(changed) === of(settings)) continue;
    throw new DatabaseError("setting_fixed", `${setting} can not be changed`, { setting, database: name });
  }
  return checked(name, changed, undated);
}

function checked(name: string, changed: DatabaseSettings, wasUndated: boolean): DatabaseFacts {
  for (const [name, valid] of RANGES) {
    if (!valid(changed)) throw new DatabaseError("setting_invalid", `invalid ${name}`, { setting: name });
  }
  checkReplication(changed.replicationSettings);
  const facts = { name, settings: changed, undated: wasUndated || changed.excludeCommitTime };
  if (retains(changed)) requireRetainable(facts, changed.truncationSettings.retentionPeriod);
  return facts;
}

/** Whether old values of such a database are removed by themselves. */
export function retains({ truncationSettings }: DatabaseSettings): boolean {
  return truncationSettings.retentionPeriod > 0;
}

/**
 * Throws `retention_period_short` for less than a day (a mistaken unit would remove what cannot be brought back), and
 * `illegal_argument` where transactions have no time, or had none once: nobody knows how old these are.
 */
export function requireRetainable({ name, settings, undated = false }: DatabaseFacts, periodMs: number): void {
  if (!(periodMs >= RETENTION_PERIOD_MIN_MS)) {
    const data = { database: name, limit: RETENTION_PERIOD_MIN_MS };
    throw new DatabaseError("retention_period_short", `the retention period of ${name} is less than a day`, data);
  }
  if (!undated && !settings.excludeCommitTime) return;
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

/** By the words of its refusal: settings that keep the value that they have when the database is made. */
const FIXED: readonly (readonly [string, (settings: DatabaseSettings) => unknown])[] = [
  ["file size", (s) => s.fileSize],
  ["max key length", (s) => s.maxKeyLen],
  ["max value length", (s) => s.maxValueLen],
  ["max number of entries per transaction", (s) => s.maxTxEntries],
];

type Check = (settings: DatabaseSettings) => boolean;

// Under the names by which clients know them from refusals.
const RANGES: readonly (readonly [string, Check])[] = [
  ["MaxConcurrency", (s) => s.maxConcurrency > 0],
  ["MaxIOConcurrency", (s) => s.maxIOConcurrency > 0],
  ["MaxTxEntries", (s) => s.maxTxEntries > 0],
  ["MaxKeyLen", (s) => s.maxKeyLen > 0 && s.maxKeyLen <= STORE_KEY_LENGTH_MAX],
  ["MaxValueLen", (s) => s.maxValueLen > 0],
  ["FileSize", (s) => s.fileSize > 0],
  ["WriteBufferSize", (s) => s.writeBufferSize > 0],
  ["SyncFrequency", (s) => isDuration(s.syncFrequency)],
  ["RetentionPeriod", (s) => isDuration(s.truncationSettings.retentionPeriod)],
  [
    "TruncationFrequency",
    ({ truncationSettings: { truncationFrequency: ms, retentionPeriod } }) =>
      isDuration(ms) && (retentionPeriod === 0 || ms > 0),
  ],
  ["WriteTxHeaderVersion", (s) => s.writeTxHeaderVersion === 0 || s.writeTxHeaderVersion === 1],
  ["CleanupPercentage", (s) => isPercentage(s.indexSettings.cleanupPercentage)],
  ["BulkPreparationTimeout", (s) => isDuration(s.indexSettings.bulkPreparationTimeout)],
];

/** As far as numbers are exact. */
function isDuration(ms: number): boolean {
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
}

/** Whether this is one, as the setting cleanupPercentage and FlushIndex take it. */
export function isPercentage(value: number): boolean {
  return value >= 0 && value <= 100;
}
