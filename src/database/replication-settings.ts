// Whether a database is written by its users or follows another, and how.
//
//   primary, asynchronous   nothing set
//   primary, synchronous    syncReplication, syncAcks: a write is acknowledged when so many replicas have it on disk
//   replica                 replica, primary…: transactions come from there alone; syncReplication: it waits with committing
//                           until the primary says that enough replicas have them
//
// A replica that names no host is fed by whoever calls ReplicateTx. What only matters to a replica is kept on a primary: a
// database that changes its role keeps the rest.

import { REPLICATION_PREFETCH_MAX } from "../base/limits.ts";
import { DatabaseError } from "./errors.ts";

export interface ReplicationSettings {
  readonly replica: boolean;
  /** Empty: it has the name of the replica. */
  readonly primaryDatabase: string;
  /** A name or address; with `https://` before it, the connection is encrypted. Empty: nobody is asked. */
  readonly primaryHost: string;
  /** 0: 3322. */
  readonly primaryPort: number;
  readonly primaryUsername: string;
  readonly primaryPassword: string;
  readonly syncReplication: boolean;
  /** Of a primary: how many replicas must have a transaction before it is acknowledged. */
  readonly syncAcks: number;
  /** Transactions that are asked for ahead, and that may wait for the disk together; 0: 100. */
  readonly prefetchTxBufferSize: number;
  /** Kept, without effect: one thread writes, and what comes meanwhile shares a sync. */
  readonly replicationCommitConcurrency: number;
  /** Whether precommitted transactions that the primary does not have may be dropped. */
  readonly allowTxDiscarding: boolean;
  /** Trusts the primary that entries and header of a transaction belong together. */
  readonly skipIntegrityCheck: boolean;
  /** Waits with the next transactions until the index has the last ones. */
  readonly waitForIndexing: boolean;
}

/** What a database gets when its creator names nothing (wire contract). */
export const DEFAULT_REPLICATION_SETTINGS: ReplicationSettings = {
  replica: false,
  primaryDatabase: "",
  primaryHost: "",
  primaryPort: 0,
  primaryUsername: "",
  primaryPassword: "",
  syncReplication: false,
  syncAcks: 0,
  prefetchTxBufferSize: 0,
  replicationCommitConcurrency: 0,
  allowTxDiscarding: false,
  skipIntegrityCheck: false,
  waitForIndexing: false,
};

type Rule = readonly [text: string, broken: (settings: ReplicationSettings) => boolean];

const RULES: readonly Rule[] = [
  [
    "with synchronous replication it is necessary to have at least one sync replica: set syncAcks",
    (s) => !s.replica && s.syncReplication && s.syncAcks === 0,
  ],
  ["syncAcks needs syncReplication", (s) => !s.syncReplication && s.syncAcks > 0],
  [
    "syncAcks is a setting of the primary: a replica acknowledges and counts nothing",
    (s) => s.replica && s.syncAcks > 0,
  ],
  ["a replica with a primaryHost needs a primaryUsername", (s) => follows(s) && s.primaryUsername === ""],
  ["primaryPort is more than 65535", (s) => s.primaryPort > 65_535],
  [
    `prefetchTxBufferSize is more than ${REPLICATION_PREFETCH_MAX}`,
    (s) => s.prefetchTxBufferSize > REPLICATION_PREFETCH_MAX,
  ],
];

/** Throws DatabaseError `illegal_argument` for settings that contradict each other or that nobody could keep. */
export function checkReplication(settings: ReplicationSettings): void {
  const broken = RULES.find(([, isBroken]) => isBroken(settings));
  if (broken !== undefined) throw new DatabaseError("illegal_argument", broken[0], { text: broken[0] });
}

/**
 * A password is for the user and the primary that it was given for: whoever names others gives it again. Otherwise an
 * administrator of the database could have the server show it to a host of his.
 */
export function withoutOldPassword(
  before: ReplicationSettings,
  after: ReplicationSettings,
  given: string | undefined,
): ReplicationSettings {
  const isSame = (["primaryHost", "primaryPort", "primaryUsername"] as const).every(
    (name) => before[name] === after[name],
  );
  return isSame || given !== undefined ? after : { ...after, primaryPassword: "" };
}

/** Whether the server itself fetches the transactions of such a database. */
export function follows({ replica, primaryHost }: ReplicationSettings): boolean {
  return replica && primaryHost !== "";
}

export function isSameReplication(a: ReplicationSettings, b: ReplicationSettings): boolean {
  return (Object.keys(a) as (keyof ReplicationSettings)[]).every((name) => a[name] === b[name]);
}
