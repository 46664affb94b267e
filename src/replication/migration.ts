// Brings everything of one server into another: each database transaction by transaction, then the users with what they may
// do. Passwords do not travel: nobody can read them out of a server. Repeating it goes on where it ended.

import type { TxPoint } from "../client/errors.ts";
import { DEFAULT_DATABASE } from "../database/names.ts";
import type { DatabaseSettingsChange } from "../database/settings.ts";
import { type CopyTarget, copyDatabase } from "./copy-database.ts";
import type { Primary } from "./primary.ts";

/** How often a database is looked at again that was written to while it was copied. */
const ROUNDS_MAX = 5;

export interface SourceDatabase {
  readonly name: string;
  /** One that is not can not be read. */
  readonly loaded: boolean;
  /** Those that mean something here. */
  readonly settings: DatabaseSettingsChange;
}

export interface MigratedUser {
  readonly name: string;
  readonly active: boolean;
  /** By database, numbers of the wire: 1 read, 2 write, 254 administrator. */
  readonly permissions: ReadonlyMap<string, number>;
  /** What he may do by SQL, by database, in the words of the wire (SELECT, …). A source may say nothing of it. */
  readonly sqlPrivileges: ReadonlyMap<string, readonly string[]>;
}

/** A database that is being read. */
export interface OpenSource extends Primary {
  /** Its last transaction now. */
  end(): Promise<TxPoint>;
}

export interface MigrationSource {
  databases(): Promise<readonly SourceDatabase[]>;
  /** All but the system administrator. */
  users(): Promise<readonly MigratedUser[]>;
  open(database: string): Promise<OpenSource>;
}

/** A database that transactions are being put into. */
export interface OpenTarget extends CopyTarget, AsyncDisposable {
  /** From now on users write to it. */
  finish(): Promise<void>;
}

/** What became of a user. */
export interface UserOutcome {
  /** `there`: one of that name was there already, and stays as he is; `left out`: he has a permission on no database there. */
  readonly kind: "new" | "there" | "left out";
  /** Databases on which he has not what he has at the source. */
  readonly lacks: readonly string[];
}

export interface MigrationTarget {
  /**
   * Makes the database, unless it is there. One that is there takes transactions from the first one on that is put into it:
   * until then nothing changes for those who use it. Throws for one that cannot.
   */
  open(database: SourceDatabase): Promise<OpenTarget>;
  /** Makes a user whom nobody can be until he gets a password, with his permissions on the databases that are there. */
  addUser(user: MigratedUser): Promise<UserOutcome>;
}

export interface MigrationOptions {
  /** Only this database, and no users. */
  readonly only: string | undefined;
  readonly onProgress: (database: string, done: bigint, all: bigint) => void;
  readonly signal: AbortSignal;
}

export interface MigratedDatabase {
  readonly name: string;
  readonly end: TxPoint;
  /** Transactions brought over this time. */
  readonly copied: bigint;
  /** The source has got more meanwhile: it is to be repeated when nobody writes there. */
  readonly isBehind: boolean;
}

export interface MigrationReport {
  readonly databases: readonly MigratedDatabase[];
  /** Could not be read: not loaded. */
  readonly skipped: readonly string[];
  readonly users: readonly (MigratedUser & UserOutcome)[];
}

/** Databases on which somebody has not the permission that he should have. */
export function lackedBy<P>(wanted: ReadonlyMap<string, P>, has: ReadonlyMap<string, P>): string[] {
  return [...wanted].flatMap(([database, permission]) => (has.get(database) === permission ? [] : [database]));
}

/** Throws what copyDatabase() throws, and what source and target do. */
export async function migrate(
  source: MigrationSource,
  target: MigrationTarget,
  options: MigrationOptions,
): Promise<MigrationReport> {
  const all = await source.databases();
  const chosen = options.only === undefined ? all : all.filter(({ name }) => name === options.only);
  const databases: MigratedDatabase[] = [];
  for (const database of chosen) {
    options.signal.throwIfAborted();
    if (database.loaded) databases.push(await migrateDatabase(source, target, database, options));
  }
  const users = options.only === undefined ? await migrateUsers(source, target) : [];
  return { databases, skipped: chosen.filter(({ loaded }) => !loaded).map(({ name }) => name), users };
}

async function migrateDatabase(
  source: MigrationSource,
  target: MigrationTarget,
  database: SourceDatabase,
  { onProgress, signal }: MigrationOptions,
): Promise<MigratedDatabase> {
  const { name } = database;
  await using from = await source.open(name);
  let end = await from.end();
  // The default database is everywhere: an empty one needs nothing.
  if (name === DEFAULT_DATABASE && end.txId === 0n) return { name, end, copied: 0n, isBehind: false };
  await using to = await target.open(database);
  let copied = 0n;
  for (let round = 1; ; round++) {
    const upTo = end;
    const progress = (txId: bigint): void => onProgress(name, txId, upTo.txId);
    copied += await copyDatabase({ source: from, target: to, upTo, onProgress: progress, signal });
    end = await from.end();
    if (end.txId === upTo.txId || round === ROUNDS_MAX) {
      await to.finish();
      return { name, end: upTo, copied, isBehind: end.txId > upTo.txId };
    }
  }
}

async function migrateUsers(source: MigrationSource, target: MigrationTarget): Promise<MigrationReport["users"]> {
  const users: (MigratedUser & UserOutcome)[] = [];
  for (const user of await source.users()) users.push({ ...user, ...(await target.addUser(user)) });
  return users;
}
