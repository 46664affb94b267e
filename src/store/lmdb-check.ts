// What can be said of an LMDB data file before LMDB opens it. LMDB trusts its file: one that is garbage, empty of sense or cut
// short ends the process at open or at the first read. The first two pages are meta pages, written in turn; each says:
//
//   offset  24  u32 magic    28  u32 version    48  u32 page size    88  i64 root of the free list
//          136  i64 root of the tables         144  u64 last page   152  u64 transaction
//
// All little-endian, as the machines are that LMDB's files are read on. The tail may be ragged: a write that was cut off by
// a full disk or a kill leaves bytes there that no meta page names.

import { open } from "node:fs/promises";
import { StoreError } from "./errors.ts";

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const META_BYTES = 168;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;
const NO_ROOT = -1n;

interface Meta {
  readonly pageBytes: number;
  readonly freeRoot: bigint;
  readonly tablesRoot: bigint;
  readonly lastPage: bigint;
  readonly txn: bigint;
}

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
    const read = async (position: number): Promise<Meta> => {
      const bytes = new Uint8Array(META_BYTES);
      const { bytesRead } = await file.read(bytes, 0, META_BYTES, position);
      if (bytesRead < META_BYTES) throw damaged(path, "it ends within its first two pages");
      return decodeMeta(path, new DataView(bytes.buffer));
    };
    const first = await read(0);
    const second = await read(first.pageBytes);
    return judge(path, size, first, second);
  } finally {
    await file.close();
  }
}

/** The error for a file that is not what was written. */
export function damaged(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError("damaged", `data is damaged: ${path}: ${why}`, { file: path, what: "environment" }, cause);
}

function decodeMeta(path: string, bytes: DataView): Meta {
  if (bytes.getUint32(24, true) !== MAGIC) throw damaged(path, "a meta page does not begin as one");
  const version = bytes.getUint32(28, true) & 0xffff;
  if (version !== VERSION) throw damaged(path, `a meta page has version ${version}, not ${VERSION}`);
  const pageBytes = bytes.getUint32(48, true);
  const isPowerOfTwo = (pageBytes & (pageBytes - 1)) === 0;
  if (pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX || !isPowerOfTwo)
    throw damaged(path, "a meta page names an impossible page size");
  return {
    pageBytes,
    freeRoot: bytes.getBigInt64(88, true),
    tablesRoot: bytes.getBigInt64(136, true),
    lastPage: bytes.getBigUint64(144, true),
    txn: bytes.getBigUint64(152, true),
  };
}

function judge(path: string, size: number, first: Meta, second: Meta): "whole" | "short" {
  if (first.pageBytes !== second.pageBytes) throw damaged(path, "its meta pages name different page sizes");
  const { lastPage, freeRoot, tablesRoot } = second.txn > first.txn ? second : first;
  const pages = BigInt(Math.floor(size / first.pageBytes));
  for (const root of [freeRoot, tablesRoot]) {
    if (root === NO_ROOT) continue;
    if (root < 2n || root > lastPage) throw damaged(path, "its newest meta page names a root that cannot be");
    if (root >= pages) throw damaged(path, "it ends before a page that everything hangs on");
  }
  return lastPage < pages ? "whole" : "short";
}
