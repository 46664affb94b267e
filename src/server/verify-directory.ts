// Verification of a data directory that no server uses: what the server keeps, and each of its databases, one after another.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemRandom } from "../base/random.ts";
import type { StorePoint, VerifyReport, VerifyStep } from "../database/verification.ts";
import { DirectoryLock } from "../store/directory-lock.ts";
import { requireDataDirectory } from "./data-on-disk.ts";
import { StartError } from "./errors.ts";
import { runTask, verifyInChild } from "./verify-process.ts";
import { type KnownDatabase, SERVER_FILES } from "./verify-server-files.ts";

export type { VerifyReport };

export interface VerifyDirectoryOptions {
  readonly directory: string;
  /** One database alone; absent: all of them. */
  readonly database?: string | undefined;
  /** States that must be part of the history of that database. */
  readonly known: readonly StorePoint[];
}

/** A step of the verification of one database. */
export type DirectoryStep = VerifyStep & { readonly database: string };

/** Verifies a data directory. Throws StartError for one that is none or that does not have the database, and `locked`. */
export async function* verifyDirectory(
  options: VerifyDirectoryOptions,
  signal: AbortSignal,
): AsyncGenerator<DirectoryStep> {
  const { directory, database, known } = options;
  await requireDataDirectory(directory);
  const lock = await DirectoryLock.acquire(directory, systemRandom);
  try {
    let databases: readonly KnownDatabase[] = [];
    for await (const step of runTask({ kind: "server", directory }, SERVER_FILES, signal)) {
      if (step.kind === "report") databases = step.databases;
      if (database === undefined) yield { ...step, database: SERVER_FILES };
    }
    for (const { name, hadTransactions } of wanted(options, databases)) {
      const job = { database: name, directory: join(directory, name), live: false, known, hadTransactions };
      for await (const step of verifyInChild(job, signal)) yield { ...step, database: name };
    }
  } finally {
    await lock.release();
  }
}

/** The databases of the catalog; when it cannot be read, directories that look like databases. */
function wanted(
  { directory, database }: VerifyDirectoryOptions,
  known: readonly KnownDatabase[],
): readonly KnownDatabase[] {
  const databases = known.length > 0 ? known : databasesIn(directory);
  if (database === undefined) return databases;
  const found = databases.filter(({ name }) => name === database);
  if (found.length > 0) return found;
  const names = databases.map(({ name }) => name).join(", ");
  throw new StartError(`there is no database '${database}' in ${directory}`, `there is ${names}`);
}

function databasesIn(directory: string): readonly KnownDatabase[] {
  return readdirSync(directory)
    .filter((name) => existsSync(join(directory, name, "log")))
    .map((name) => ({ name, hadTransactions: 0n }));
}
