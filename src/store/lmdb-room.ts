// Room for what LMDB is about to write. When the system refuses one of its writes, lmdb (3.5.6) puts the reason into a buffer
// that is too short for it and damages its own heap: the process dies, now or later. So a batch is begun only where the disk
// has room for the most that it can need, and refused otherwise, which changes nothing.
//
// What a batch can need: LMDB never overwrites a page that is in use, so every row may cost a copy of its leaf and, where the
// leaf is full, a second one; but no more leaves than there are. What the rows hold themselves may take up to twice its
// length (a value that is half a page long has a page of its own). Branch pages and the list of free pages come on top.

import { statfsSync } from "node:fs";
import { StoreError } from "./errors.ts";

const BRANCHES_AND_FREE_LIST_PAGES = 64;

export interface Growth {
  readonly rows: number;
  /** Of keys and values of these rows. */
  readonly rowBytes: number;
  /** Bytes of the environment's file now. */
  readonly fileBytes: number;
  readonly pageBytes: number;
}

/** The most bytes by which a batch can make an environment grow. */
export function growthMax({ rows, rowBytes, fileBytes, pageBytes }: Growth): number {
  const leaves = Math.min(2 * rows, Math.ceil(fileBytes / pageBytes));
  return (leaves + BRANCHES_AND_FREE_LIST_PAGES) * pageBytes + 2 * rowBytes;
}

/** Throws `disk_low` when the disk of a directory has less room than that. */
export function requireRoomIn(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= bytes) return;
  const message = `the disk is full: ${freeBytes} bytes are free, and this write may need ${bytes}`;
  throw new StoreError("disk_low", message, { limit: bytes, freeBytes });
}
