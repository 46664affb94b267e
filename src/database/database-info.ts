import type { CatalogEntry, Extent } from "./catalog.ts";
import type { Database } from "./database.ts";
import type { DatabaseSettings } from "./settings.ts";

/** What is known of a database without calling it. */
export interface DatabaseInfo {
  readonly number: number;
  readonly name: string;
  readonly settings: DatabaseSettings;
  /** Whether calls may work on it: neither unloaded nor quarantined. */
  readonly loaded: boolean;
  /** Bytes; 0 while not loaded. Of a loaded one that is closed: when it was last open. */
  readonly diskSize: number;
  /** The same of transactions. */
  readonly numTransactions: bigint;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly createdBy: string;
}

const NOTHING: Extent = { transactions: 0, bytes: 0 };

/** `extent`: how much there is of it, while it is open. */
export function databaseInfo(entry: CatalogEntry, loaded: boolean, extent: Extent | undefined): DatabaseInfo {
  const { number, name, settings, createdAt, createdBy, lastSeen = NOTHING } = entry;
  const { transactions, bytes } = loaded ? (extent ?? lastSeen) : NOTHING;
  const numTransactions = BigInt(transactions);
  return { number, name, settings, createdAt, createdBy, loaded, diskSize: bytes, numTransactions };
}

/** How a database is doing. */
export interface DatabaseCondition {
  readonly name: string;
  /** Whether calls may work on it: neither unloaded nor quarantined. */
  readonly isLoaded: boolean;
  readonly isQuarantined: boolean;
  /** On disk, in bytes; when it was last open for one that is not. */
  readonly diskSize: number;
  /** Its last transaction; the same. */
  readonly committed: bigint;
  /** What can only be known of one that is open. */
  readonly open: { readonly indexed: bigint; readonly isReadOnly: boolean } | undefined;
}

/** `database`: itself, while it is open. */
export function databaseCondition(
  { name, loaded, diskSize, numTransactions }: DatabaseInfo,
  quarantines: { quarantineOf(name: string): unknown },
  database: Database | undefined,
): DatabaseCondition {
  const isQuarantined = quarantines.quarantineOf(name) !== undefined;
  const open = database && { indexed: database.indexedTxId, isReadOnly: database.isReadOnly };
  return { name, isLoaded: loaded, isQuarantined, diskSize, committed: numTransactions, open };
}
