// A copy of a data directory that can be started from, taken while a server runs on it or not. Each database is copied as it
// is at one moment of its own; what is acknowledged before the backup begins is in it.
//
//   identity, catalog, credentials ──▶ each database of the catalog ──▶ <target>.unfinished becomes <target>
//
// The catalog comes first: a database made meanwhile is not in the backup, and one that is deleted meanwhile fails it.

import { copyFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CREDENTIALS_DIRECTORY } from "../auth/credential-store.ts";
import { IDENTIFIER_FILE } from "../database/identifier.ts";
import { CATALOG_DIRECTORY } from "../database/manager.ts";
import { copyStore } from "../store/copy-store.ts";
import { copyEnvironment, lmdbDriver } from "../store/engine-lmdb.ts";
import { syncDirectory } from "../store/sync-directory.ts";
import { databasesIn, requireDataDirectory } from "./data-on-disk.ts";
import { StartError } from "./errors.ts";

export interface BackupOptions {
  readonly directory: string;
  /** Must not exist. */
  readonly target: string;
  /** Told before each database. */
  readonly onDatabase: (name: string, done: number, all: number) => void;
}

/** Resolves with the names of the databases in the backup, which is on disk then. Throws StartError. */
export async function backUp({ directory, target, onDatabase }: BackupOptions): Promise<string[]> {
  await requireDataDirectory(directory);
  await requireTarget(directory, target);
  const unfinished = `${target}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  try {
    await copyFile(join(directory, IDENTIFIER_FILE), join(unfinished, IDENTIFIER_FILE));
    for (const environment of [CATALOG_DIRECTORY, CREDENTIALS_DIRECTORY]) {
      if (await lmdbDriver.exists(join(directory, environment)))
        await copyEnvironment(join(directory, environment), join(unfinished, environment));
    }
    const names = (await databasesIn(unfinished, undefined)).map(({ name }) => name);
    for (const [done, name] of names.entries()) {
      onDatabase(name, done, names.length);
      await copyStore(join(directory, name), join(unfinished, name));
    }
    await syncDirectory(unfinished);
    await rename(unfinished, target);
    await syncDirectory(dirname(resolve(target)));
    return names;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function requireTarget(directory: string, target: string): Promise<void> {
  if (`${resolve(target)}/`.startsWith(`${resolve(directory)}/`)) {
    throw new StartError(
      "a backup cannot be part of what it is a backup of",
      "choose a place outside the data directory",
    );
  }
  const found = await stat(target).catch(() => undefined);
  if (found !== undefined) throw new StartError(`${target} is there already`, "choose a new place with --to");
}
