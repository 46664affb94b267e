// The file through which LMDB's processes see each other. LMDB makes it as long as it needs to be, without content, maps it
// into memory and writes there. On a full disk the kernel has no page for such a write and answers by SIGBUS, which ends the
// process. So the file is given its content before LMDB sees it: on a full disk that is an error, and nobody dies.

import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const LOCK_FILE = "lock.mdb";
/** LMDB takes a file that is longer than its own as it is, and uses it for more readers. */
const LOCK_BYTES = 16_384;
const STAT_BLOCK_BYTES = 512;

/** Makes sure that the lock file of an environment, which is not open, is on disk. Throws ENOSPC when it cannot be. */
export async function reserveLockFile(directory: string): Promise<void> {
  const path = join(directory, LOCK_FILE);
  if (isReserved(path)) return;
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(new Uint8Array(LOCK_BYTES));
  } finally {
    await file.close();
  }
}

function isReserved(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.size >= LOCK_BYTES && found.blocks * STAT_BLOCK_BYTES >= LOCK_BYTES;
}
