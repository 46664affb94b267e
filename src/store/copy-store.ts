// A copy of one database as it is at one moment, while another process may be writing to it. Copying the files would not do:
// LMDB changes its pages while they are read. LMDB copies for itself what one transaction sees; its readers are known to its
// writers across processes.
//
//   value segments ──▶ log, as one transaction sees it ──▶ value segments again
//
// Values are on disk before the log names them, so the segments copied last have all that the log names, unless a truncation
// went on meanwhile: then the ones copied first have it, and the next opening removes what is superfluous. The index is left
// out: it is derived, and built at the first opening.

import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { copyEnvironment } from "./engine-lmdb.ts";
import { syncDirectory } from "./sync-directory.ts";
import { isSegmentName } from "./value-segments.ts";

/** Copies the database in a directory into a new directory, synced. */
export async function copyStore(directory: string, target: string): Promise<void> {
  await mkdir(target, { mode: 0o700 });
  const values = join(directory, "values");
  const copied = join(target, "values");
  await copySegments(values, copied);
  await copyEnvironment(join(directory, "log"), join(target, "log"));
  await copySegments(values, copied);
  await syncDirectory(target);
}

/**
 * Copies and syncs the segments in a directory, if there is one; those that vanish meanwhile were removed by a truncation.
 * What has no name yet belongs to no transaction.
 */
async function copySegments(directory: string, target: string): Promise<void> {
  const names = await readdir(directory).catch(unlessMissing);
  if (names === undefined) return;
  await mkdir(target, { recursive: true, mode: 0o700 });
  for (const name of names.filter(isSegmentName)) {
    const copy = join(target, name);
    const found = await copyFile(join(directory, name), copy, constants.COPYFILE_FICLONE).then(
      () => true,
      unlessMissing,
    );
    if (found === true) await syncFile(copy);
  }
  await syncDirectory(target);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
