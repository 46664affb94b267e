// The place of a database: what its directory says besides the two environments. Behind a seam, so that a simulation can run
// the real store without a disk.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../base/random.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { clearOpenMarker, type LastEnd, lastEnd, setOpenMarker, syncOpenMarker } from "./open-marker.ts";
import { DiskSegmentFiles, type SegmentFiles } from "./segment-files.ts";

export interface StorePlace {
  /** Takes the place for this store alone. Throws `locked`. */
  occupy(): Promise<void>;
  /** How the last stay ended. */
  lastEnd(): Promise<LastEnd>;
  /** States that the store is being opened, for whoever comes after this process. */
  markOpen(): Promise<void>;
  /** States it for whoever comes after the machine went down, too. Before anything is written. */
  syncMarker(): Promise<void>;
  /** States that it was closed cleanly. */
  markClosed(): Promise<void>;
  /** The files of its value segments. */
  segmentFiles(): SegmentFiles;
  /** Gives the place up. */
  leave(): Promise<void>;
}

/** A directory on disk, created when missing. */
export function diskPlace(directory: string, random: Random): StorePlace {
  let lock: DirectoryLock | undefined;
  return {
    async occupy() {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      lock = await DirectoryLock.acquire(directory, random);
    },
    lastEnd: async () => lastEnd(directory),
    markOpen: async () => setOpenMarker(directory),
    syncMarker: () => syncOpenMarker(directory),
    markClosed: async () => clearOpenMarker(directory),
    segmentFiles: () => new DiskSegmentFiles(join(directory, "values")),
    async leave() {
      await lock?.release();
      lock = undefined;
    },
  };
}
