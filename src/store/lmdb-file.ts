// The file of an LMDB environment, as a file.

import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

export const DATA_FILE = "data.mdb";

/** Bytes of the file in a directory; 0 when there is none. */
export function bytesOf(directory: string): number {
  return statSync(join(directory, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0;
}

/** An empty file, whose name and place are on disk before anything is written to it. */
export async function makeFile(directory: string): Promise<void> {
  await (await open(join(directory, DATA_FILE), "a", 0o600)).close();
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
