// The marker of an open database, a file in its directory: `open` exists from before it is opened until it was closed, and
// holds the boot id of the machine. Found at the next open, it says how the last stay ended:
//
//   no `open`                closed cleanly
//   `open` of another boot   the machine went down: the unsynced index may be damaged anywhere and is dropped, and the log is
//                            read by another process first
//   `open` of this boot      the process died. The page cache kept what it wrote, so the index is only compared. A damaged page
//                            may be why it died: neither is trusted (examine.ts)

import { readFileSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

const MARKER_NAME = "open";

export type LastEnd = "clean" | "process_died" | "machine_went_down";

/** How the last opening of this database ended. */
export async function lastEnd(directory: string): Promise<LastEnd> {
  const marker = await unlessMissing(readFile(join(directory, MARKER_NAME), "utf8"));
  if (marker === undefined) return "clean";
  return marker === bootId() ? "process_died" : "machine_went_down";
}

/** States that the database is being opened now; on disk before anything else is written. */
export async function setOpenMarker(directory: string): Promise<void> {
  const file = await open(join(directory, MARKER_NAME), "w", 0o600);
  try {
    await file.writeFile(bootId());
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(directory);
}

/** States that the database was closed cleanly. */
export async function clearOpenMarker(directory: string): Promise<void> {
  await rm(join(directory, MARKER_NAME), { force: true });
}

/** Identifies the running kernel; where the system has none, every open after an unclean end counts as another boot. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `unknown ${process.pid}`;
  }
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
