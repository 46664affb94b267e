// The marker of an open database: a file that exists while it is open and holds the boot id of the machine. Found at the next
// open, it says how the last one ended:
//
//   absent                   closed cleanly
//   present, same boot id    the process died; the page cache kept what it wrote, so the unsynced index is only compared
//   present, other boot id   the machine went down: the unsynced index may be damaged anywhere and is dropped

import { readFileSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

const MARKER_NAME = "open";

export type LastEnd = "clean" | "process_died" | "machine_went_down";

/** How the last opening of this database ended. */
export async function lastEnd(directory: string): Promise<LastEnd> {
  const marker = await readFile(join(directory, MARKER_NAME), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (marker === undefined) return "clean";
  return marker === bootId() ? "process_died" : "machine_went_down";
}

/** States that the database is open now; on disk before anything else is written. */
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
