// What LMDB says when its file is not what was written, in our own words.

import { join } from "node:path";
import { StoreError } from "./errors.ts";
import { damaged } from "./lmdb-check.ts";
import { DATA_FILE } from "./lmdb-file.ts";

export const REOPENING = "the environment could not be opened again yet after a failed write";

/** Runs what asks LMDB. Throws `damaged` for what LMDB finds wrong with its file. */
export function namingDamage<T>(directory: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw namedDamage(directory, error);
  }
}

/**
 * LMDB's codes for a file that is not what was written: page not found, corrupted, version mismatch, invalid, incompatible;
 * and bad transaction, what a read answers after one of them.
 */
const DAMAGE_CODES = [-30_797, -30_796, -30_794, -30_793, -30_784, -30_782];

/**
 * What a read answers when a write has just failed so that the environment must be opened again, and who wrote has not been
 * told yet. Where a read transaction was to begin it comes without a code.
 */
const PANIC = "MDB_PANIC";

export function namedDamage(directory: string, error: unknown): unknown {
  const { code = 0, message } = error as { code?: number; message: string };
  if (message.includes(PANIC)) return new StoreError("closed", REOPENING, {}, error);
  if (!DAMAGE_CODES.includes(code)) return error;
  return damaged(join(directory, DATA_FILE), message, error);
}
