// The markers of an open database, files in its directory. `open` exists while it is open and holds the boot id of the machine,
// and "again" when the stay before ended with its process, too; `opening` exists beside it while its environments are being
// opened. Found at the next open, they say how the last stay ended:
//
//   no `open`                       closed cleanly
//   `open` of another boot          the machine went down: the unsynced index may be damaged anywhere and is dropped, and the
//                                   log is read by another process first
//   `opening`                       opening it ended the process, or the process was killed meanwhile: another one reads first
//   `open` of this boot, "again"    two processes in a row died: a page may end whoever reads it; another one reads first
//   `open` of this boot             the process died; the page cache kept what it wrote, so the index is only compared

import { readFileSync } from "node:fs";
import { access, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

const MARKER_NAME = "open";
const OPENING_NAME = "opening";
const AGAIN = " again";

export type LastEnd = "clean" | "process_died" | "died_opening" | "died_again" | "machine_went_down";

/** How the last opening of this database ended. */
export async function lastEnd(directory: string): Promise<LastEnd> {
  const marker = await unlessMissing(readFile(join(directory, MARKER_NAME), "utf8"));
  if (marker === undefined) return "clean";
  const boot = bootId();
  if (marker !== boot && marker !== boot + AGAIN) return "machine_went_down";
  const wasOpening = await unlessMissing(access(join(directory, OPENING_NAME)).then(() => true));
  if (wasOpening === true) return "died_opening";
  return marker === boot ? "process_died" : "died_again";
}

/** States that the database is being opened now; on disk before anything else is written. `before`: what lastEnd() said. */
export async function setOpenMarker(directory: string, before: LastEnd): Promise<void> {
  // Only the death of this process is told by it, which the page cache survives: not synced.
  await writeFile(join(directory, OPENING_NAME), "", { mode: 0o600 });
  const file = await open(join(directory, MARKER_NAME), "w", 0o600);
  try {
    await file.writeFile(before === "process_died" ? bootId() + AGAIN : bootId());
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(directory);
}

/** States that opening it did not end the process. */
export async function clearOpeningMarker(directory: string): Promise<void> {
  await rm(join(directory, OPENING_NAME), { force: true });
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
