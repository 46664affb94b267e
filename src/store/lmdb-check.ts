// What can be said of an LMDB data file before LMDB opens it. LMDB trusts its file: one that is garbage, empty of sense or cut
// short ends the process at open or at the first read. So both meta pages (lmdb-pages.ts) must be meta pages, and the newest
// must lead to pages that the file has. The tail may be ragged: a write that was cut off by a full disk or a kill leaves bytes
// there that no meta page names.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StoreError } from "./errors.ts";
import { META_BYTES, type Meta, readMeta } from "./lmdb-pages.ts";

/**
 * `absent`: there is no file, or an empty one, and opening makes a new environment. `whole`: it may be opened. `short`: it ends
 * before the last page that it had; LMDB allows that when the pages beyond are free, so only reading everything can tell.
 * Throws `damaged` naming the file when opening it would end the process.
 */
export function checkLmdbFile(path: string): "absent" | "whole" | "short" {
  const file = openUnlessMissing(path);
  if (file === undefined) return "absent";
  try {
    const { size } = fstatSync(file);
    if (size === 0) return "absent";
    const read = (number: number, position: number): Meta => {
      const page = new Uint8Array(META_BYTES);
      return readMeta(page.subarray(0, readSync(file, page, 0, META_BYTES, position)), number);
    };
    const first = read(0, 0);
    const second = read(1, first.pageBytes);
    return judge(size, first, second);
  } catch (error) {
    if (error instanceof RangeError) throw damaged(path, error.message, error);
    throw error;
  } finally {
    closeSync(file);
  }
}

function openUnlessMissing(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The error for a file that is not what was written. */
export function damaged(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError("damaged", `data is damaged: ${path}: ${why}`, { file: path, what: "environment" }, cause);
}

/** Throws RangeError with a sentence about what is wrong. */
function judge(size: number, first: Meta, second: Meta): "whole" | "short" {
  if (first.pageBytes !== second.pageBytes) throw new RangeError("its meta pages name different page sizes");
  const { lastPage, free, main } = second.txn > first.txn ? second : first;
  const pages = Math.floor(size / first.pageBytes);
  for (const { root } of [free, main]) {
    if (root === undefined) continue;
    if (root < 2 || root > lastPage) throw new RangeError("its newest meta page names a root that cannot be");
    if (root >= pages) throw new RangeError("it ends before a page that everything hangs on");
  }
  return lastPage < pages ? "whole" : "short";
}
