// The marker of an open database, a file in its directory: `open` exists from before it is opened until it was closed, and
// holds the boot id of the machine. Found at the next open, it says how the last stay ended:
//
//   no `open`                closed cleanly
//   `open` of another boot   the machine went down: the unsynced index may be damaged anywhere and is dropped, and the log is
//                            read by another process first
//   `open` of this boot      the process died. The page cache kept what it wrote, so the index is only compared. A damaged page
//                            may be why it died: neither is trusted (examine.ts)

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

const MARKER_NAME = "open";

export type LastEnd = "clean" | "process_died" | "machine_went_down";

/** How the last opening of this database ended. */
export function lastEnd(directory: string): LastEnd {
  const marker = unlessMissing(() => readFileSync(join(directory, MARKER_NAME), "utf8"));
  if (marker === undefined) return "clean";
  return marker === bootId() ? "process_died" : "machine_went_down";
}

/** States that the database is being opened: whoever comes after this process sees it. */
export function setOpenMarker(directory: string): void {
  writeFileSync(join(directory, MARKER_NAME), bootId(), { mode: 0o600 });
}

/** Makes the marker durable: whoever comes after the machine went down sees it, too. Before anything else is written. */
export async function syncOpenMarker(directory: string): Promise<void> {
  // Both wait for the same commit of the file system's journal.
  await Promise.all([syncFile(join(directory, MARKER_NAME)), syncDirectory(directory)]);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** States that the database was closed cleanly. */
export function clearOpenMarker(directory: string): void {
  rmSync(join(directory, MARKER_NAME), { force: true });
}

let knownBootId: string | undefined;

/** Identifies the running kernel; where the system has none, every open after an unclean end counts as another boot. */
function bootId(): string {
  knownBootId ??=
    unlessMissing(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? `unknown ${process.pid}`;
  return knownBootId;
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
