// The data directory: what it holds besides environments. Behind a seam as the place of one database is (store/place.ts), so
// that a simulation can run the real manager without a disk.

import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../base/random.ts";
import { DirectoryLock } from "../store/directory-lock.ts";
import { makeDirectory } from "../store/make-directory.ts";
import { diskPlace, type StorePlace } from "../store/place.ts";
import { syncDirectory } from "../store/sync-directory.ts";

export interface DataDirectory {
  /** Where environments are opened: the catalog's here, those of a database in the directory of its name. */
  readonly path: string;
  /** Takes the directory for this server alone, creating it when missing. Throws `locked`. */
  occupy(): Promise<void>;
  /** Gives the directory up. */
  leave(): Promise<void>;
  /** The content of a small file; undefined when there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** Creates or replaces a small file: after a crash it is the old one or the new one. On disk when it resolves. */
  replace(file: string, content: Uint8Array): Promise<void>;
  /** The place of one database. */
  place(database: string): StorePlace;
  /** Removes what a database that is not open has on disk. A crash leaves everything under its name, or nothing. */
  remove(database: string): Promise<void>;
}

/** A directory on disk. */
export function diskDirectory(path: string, random: Random): DataDirectory {
  let lock: DirectoryLock | undefined;
  return {
    path,
    async occupy() {
      makeDirectory(path);
      lock = await DirectoryLock.acquire(path, random);
    },
    async leave() {
      await lock?.release();
      lock = undefined;
    },
    read: (file) => unlessMissing(readFile(join(path, file))),
    async replace(file, content) {
      const target = join(path, file);
      const handle = await open(`${target}.new`, "w", 0o600);
      try {
        await handle.writeFile(content);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${target}.new`, target);
      await syncDirectory(path);
    },
    place: (database) => diskPlace(join(path, database), random),
    async remove(database) {
      const trash = join(path, `.deleted-${database}`);
      await unlessMissing(rename(join(path, database), trash));
      await rm(trash, { recursive: true, force: true });
    },
  };
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
