import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory, and those above it that are missing, each for its owner alone. Throws the error of the system.
 *
 * Not with `recursive: true`: where the system says ENOENT below a directory that is there, as in /proc, Node (24.21) makes
 * the parent and tries again for ever, at full speed and deaf to signals.
 */
export function makeDirectory(path: string): void {
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Somebody else made it meanwhile.
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
