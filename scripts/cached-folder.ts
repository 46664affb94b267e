// Folders that are expensive to make and made the same way from the same input: an environment of Python packages, an
// old SDK with its own dependencies. They live under node_modules/.cache, named by the hash of what they are made from,
// so that a changed input makes a new one and nothing has to be invalidated.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const CACHE: string = join(import.meta.dirname, "../node_modules/.cache");

/**
 * The folder made from these input files, made now if it is not there. It is made under another name and moved into
 * place whole, so that several processes may ask at once and none sees half a folder; `make` must leave nothing behind
 * that depends on the folder's name.
 */
export async function cachedFolder(
  name: string,
  inputs: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(await readFile(input)).update("\0");
  const folder = join(CACHE, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;

  await mkdir(CACHE, { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  try {
    await make(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true });
    if (!existsSync(folder)) throw error; // else another process was faster
  }
  return folder;
}
