// An environment is written anew beside the one that is served, and takes its place:
//
//   log, log-rewrite ──▶ log → log-old, log-rewrite → log ──▶ log-old is removed
//
// A crash in between leaves the old one in its place or under its second name: the next start goes back to it.

import type { EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";

/** Where the new form of the environment of a directory is written. */
export function rewrittenOf(directory: string): string {
  return `${directory}-rewrite`;
}

/** Where the old form is until it is removed. */
export function replacedOf(directory: string): string {
  return `${directory}-old`;
}

/** Goes back to a whole environment after a crash in between. Before it is opened. */
export async function recoverPlace(driver: EngineDriver, directory: string): Promise<void> {
  const replaced = replacedOf(directory);
  if (!(await driver.exists(directory)) && (await driver.exists(replaced))) await driver.move(replaced, directory);
  await driver.destroy(replaced);
  await driver.destroy(rewrittenOf(directory));
}

/**
 * Puts the new form of an environment in the place of the old one, and opens it; whoever has the old one open goes on with it.
 * When that fails the old one is put back, since whatever is in its place is what the next start opens; when that fails too,
 * throws `outcome_unknown`: nothing may be committed to an environment that the next start might not find.
 */
export async function takePlace<T>(driver: EngineDriver, directory: string, open: () => Promise<T>): Promise<T> {
  try {
    await driver.move(directory, replacedOf(directory));
    await driver.move(rewrittenOf(directory), directory);
    return await open();
  } catch (error) {
    try {
      await putBack(driver, directory);
    } catch (cause) {
      const message = `${directory} was being rewritten and cannot be put back: the next start does`;
      throw new StoreError("outcome_unknown", message, { directory }, cause);
    }
    throw error;
  }
}

async function putBack(driver: EngineDriver, directory: string): Promise<void> {
  const replaced = replacedOf(directory);
  if (!(await driver.exists(replaced))) return;
  await driver.destroy(directory);
  await driver.move(replaced, directory);
}
