// What can be said of an LMDB data file before LMDB opens it. LMDB trusts its file: one that is garbage, empty of sense or cut
// short ends the process at open or at the first read. So both meta pages (lmdb-pages.ts) must be meta pages, and the newest
// must lead to pages that the file has. The tail may be ragged: a write that was cut off by a full disk or a kill leaves bytes
// there that no meta page names.

import { open } from "node:fs/promises";
import { StoreError } from "./errors.ts";
import { META_BYTES, type Meta, readMeta } from "./lmdb-pages.ts";

/**
 * `absent`: there is no file, or an empty one, and opening makes a new environment. `whole`: it may be opened. `short`: it ends
 * before the last page that it had; LMDB allows that when the pages beyond are free, so only reading everything can tell.
 * Throws `damaged` naming the file when opening it would end the process.
 */
export async function checkLmdbFile(path: string): Promise<"absent" | "whole" | "short"> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return "absent";
  try {
    const { size } = await file.stat();
    if (size === 0) return "absent";
    const read = async (number: number, position: number): Promise<Meta> => {
      const { buffer, bytesRead } = await file.read(new Uint8Array(META_BYTES), 0, META_BYTES, position);
      return readMeta(buffer.subarray(0, bytesRead), number);
    };
    const first = await read(0, 0);
    const second = await read(1, first.pageBytes);
    return judge(size, first, second);
  } catch (error) {
    if (error instanceof RangeError) throw damaged(path, error.message, error);
    throw error;
  } finally {
    await file.close();
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
