// Names in a directory are data of the directory: a file that was created, renamed or removed is so for good once the directory
// itself has been synced.

import { open } from "node:fs/promises";

/** Makes the names in a directory durable. Systems that cannot sync a directory do it by themselves. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!["EINVAL", "EPERM", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    await handle.close();
  }
}
