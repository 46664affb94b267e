// The options that name settings of a database, one row each. Only those that are given are sent: the others stay as they are,
// or get the server's default.

import { readFileSync } from "node:fs";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DatabaseNullableSettingsSchema } from "../../../../gen/immudb/schema/settings_pb.ts";
import { parseDurationMs } from "../../../server/duration.ts";
import { UsageError } from "../../exit-codes.ts";

export type SettingsInit = MessageInitShape<typeof DatabaseNullableSettingsSchema>;

type Value = boolean | number | bigint | string;

interface Setting {
  readonly flag: string;
  /** Where it is in the message. */
  readonly path: readonly [group: string, name: string] | readonly [name: string];
  readonly kind: "switch" | "count" | "share" | "duration" | "text";
  readonly meaning: string;
}

const replication = (flag: string, name: string, kind: Setting["kind"], meaning: string): Setting => {
  return { flag: `replication-${flag}`, path: ["replicationSettings", name], kind, meaning };
};
const indexing = (flag: string, name: string, kind: Setting["kind"], meaning: string): Setting => {
  return { flag: `indexing-${flag}`, path: ["indexSettings", name], kind, meaning };
};
const plain = (flag: string, name: string, kind: Setting["kind"], meaning: string): Setting => {
  return { flag, path: [name], kind, meaning };
};

const SETTINGS: readonly Setting[] = [
  plain("autoload", "autoload", "switch", "serve it from the start of the server"),
  plain("exclude-commit-time", "excludeCommitTime", "switch", "transactions carry no time"),
  plain("embedded-values", "embeddedValues", "switch", "kept and told, changes nothing"),
  plain("prealloc-files", "preallocFiles", "switch", "kept and told, changes nothing"),
  replication("is-replica", "replica", "switch", "follow a primary, take no writes"),
  replication("sync-enabled", "syncReplication", "switch", "replicate synchronously"),
  replication("sync-acks", "syncAcks", "count", "replicas that must have a write before it is acknowledged"),
  replication("primary-database", "primaryDatabase", "text", "database to follow"),
  replication("primary-host", "primaryHost", "text", "host of the primary"),
  replication("primary-port", "primaryPort", "count", "port of the primary"),
  replication("primary-username", "primaryUsername", "text", "user of the replica at the primary"),
  replication("prefetch-tx-buffer-size", "prefetchTxBufferSize", "count", "transactions fetched ahead"),
  replication("commit-concurrency", "replicationCommitConcurrency", "count", "transactions written at once"),
  replication("allow-tx-discarding", "allowTxDiscarding", "switch", "drop what the primary does not have"),
  replication("skip-integrity-check", "skipIntegrityCheck", "switch", "do not hash again what the primary sends"),
  replication("wait-for-indexing", "waitForIndexing", "switch", "acknowledge what can be read by key"),
  indexing("flush-threshold", "flushThreshold", "count", "changes between two flushes of the index"),
  indexing("sync-threshold", "syncThreshold", "count", "kept and told, changes nothing"),
  indexing("cleanup-percentage", "cleanupPercentage", "share", "kept and told, changes nothing"),
  indexing("cache-size", "cacheSize", "count", "kept and told, changes nothing"),
  indexing("max-active-snapshots", "maxActiveSnapshots", "count", "kept and told, changes nothing"),
  plain("write-tx-header-version", "writeTxHeaderVersion", "count", "1, or 0 for old clients"),
  plain("max-commit-concurrency", "maxConcurrency", "count", "kept and told, changes nothing"),
  plain("read-tx-pool-size", "readTxPoolSize", "count", "kept and told, changes nothing"),
  plain("write-buffer-size", "writeBufferSize", "count", "kept and told, changes nothing"),
  plain("sync-frequency", "syncFrequency", "duration", "kept and told, changes nothing"),
  {
    flag: "retention-period",
    path: ["truncationSettings", "retentionPeriod"],
    kind: "duration",
    meaning: "keep values so long, at least 24h; 0 for ever",
  },
  {
    flag: "truncation-frequency",
    path: ["truncationSettings", "truncationFrequency"],
    kind: "duration",
    meaning: "time between two looks for old values",
  },
  plain("max-key-len", "maxKeyLen", "count", "longest key in bytes and one more; only when it is created"),
  plain("max-value-len", "maxValueLen", "count", "longest value in bytes and one more; only when it is created"),
  plain("max-tx-entries", "maxTxEntries", "count", "entries of one transaction; only when it is created"),
];

/** The one that is no setting for a command line. */
const PRIMARY_PASSWORD: Setting = replication("primary-password", "primaryPassword", "text", "");
const PASSWORD_FILE = "replication-primary-password-file";
const PASSWORD_VARIABLE = "IMMUADMIN_REPLICATION_PRIMARY_PASSWORD";

export function addSettingsOptions(command: Command): Command {
  for (const { flag, kind, meaning } of SETTINGS) command.addOption(PARSED[kind](flag, meaning));
  return command.addOption(
    new Option(`--${PASSWORD_FILE} <file>`, `password of that user, unless it is in ${PASSWORD_VARIABLE}`),
  );
}

const PARSED: Readonly<Record<Setting["kind"], (flag: string, meaning: string) => Option>> = {
  switch: (flag, meaning) => new Option(`--${flag} [true|false]`, meaning).preset("true").argParser(parseSwitch),
  count: (flag, meaning) => new Option(`--${flag} <n>`, meaning).argParser(parseCount),
  share: (flag, meaning) => new Option(`--${flag} <percent>`, meaning).argParser(parsePercentage),
  duration: (flag, meaning) => new Option(`--${flag} <duration>`, meaning).argParser(parseDuration),
  text: (flag, meaning) => new Option(`--${flag} <text>`, meaning),
};

export interface NamedSettings {
  readonly message: SettingsInit;
  /** As they are named again in the answer: `{replica: true, autoload: false}`; passwords are not. */
  readonly echo: string;
}

/** What the options of a command name. `options`: as commander gives them. */
export function settingsOf(options: Readonly<Record<string, unknown>>): NamedSettings {
  const message: Record<string, unknown> = {};
  const echo: string[] = [];
  for (const setting of SETTINGS) {
    const value = options[camelCase(setting.flag)] as Value | undefined;
    if (value === undefined) continue;
    put(message, setting, value);
    if (setting.flag !== "replication-is-replica") echo.push(`${setting.flag}: ${value}`);
  }
  const password = primaryPassword(options[camelCase(PASSWORD_FILE)] as string | undefined);
  if (password !== undefined) put(message, PRIMARY_PASSWORD, password);
  const replica = options[camelCase("replication-is-replica")] ?? false;
  return { message: message as SettingsInit, echo: `{${[`replica: ${replica}`, ...echo].join(", ")}}` };
}

function put(message: Record<string, unknown>, { path: [first, second], kind }: Setting, value: Value): void {
  const wrapped = { value: kind === "duration" ? BigInt(value) : value };
  if (second === undefined) message[first] = wrapped;
  else message[first] = { ...(message[first] as object | undefined), [second]: wrapped };
}

function primaryPassword(file: string | undefined): string | undefined {
  if (file === undefined) return process.env[PASSWORD_VARIABLE];
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new UsageError(`the password file cannot be read: ${(error as Error).message}`);
  }
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
}

export function parseSwitch(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("true or false.");
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[0-9]+$/.test(text) || count > 0xffff_ffff) throw new InvalidArgumentError("a number from 0 to 4294967295.");
  return count;
}

export function parsePercentage(text: string): number {
  const percentage = Number(text);
  if (text !== "" && percentage >= 0 && percentage <= 100) return percentage;
  throw new InvalidArgumentError("a number from 0 to 100.");
}

/** Milliseconds. */
export function parseDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("a duration is written as in 24h, 90m, 30s or 20ms.");
  return ms;
}
