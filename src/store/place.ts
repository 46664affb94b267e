// The place of a database: what its directory says besides the two environments. Behind a seam, so that a simulation can run
// the real store without a disk.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../base/random.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { clearOpenMarker, type LastEnd, lastEnd, setOpenMarker } from "./open-marker.ts";
import { DiskSegmentFiles, type SegmentFiles } from "./segment-files.ts";

export interface StorePlace {
  /** Takes the place for this store alone. Throws `locked`. */
  occupy(): Promise<void>;
  /** How the last stay ended. */
  lastEnd(): Promise<LastEnd>;
  /** States that the store is being opened, durably. */
  markOpen(): Promise<void>;
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
      await mkdir(directory, { recursive: true, mode: 0o700 });
      lock = await DirectoryLock.acquire(directory, random);
    },
    lastEnd: () => lastEnd(directory),
    markOpen: () => setOpenMarker(directory),
    markClosed: () => clearOpenMarker(directory),
    segmentFiles: () => new DiskSegmentFiles(join(directory, "values")),
    async leave() {
      await lock?.release();
      lock = undefined;
    },
  };
}
