// The records of the tour: the files of the packages that this project is built with. Real names, sizes and contents, and
// there are enough of them on every machine.
//
//   key      node_modules/zod/index.js
//   value    {"path":…,"bytes":…,"sha256":…,"package":"zod","version":"4.1.12","licence":"MIT"}

import { createHash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGES = join(ROOT, "node_modules");

export interface Pair {
  readonly key: string;
  readonly value: string;
}

export interface FileRecord extends Pair {
  /** The same, and when the file was modified: what is written when a file is recorded a second time. */
  readonly secondValue: string;
}

interface Package {
  readonly package: string | null;
  readonly version: string | null;
  readonly licence: string | null;
}

const NO_PACKAGE: Package = { package: null, version: null, licence: null };

/**
 * Folders in the order in which they are looked into: the packages, npm's own ones, what tests keep in the cache, and, when
 * that is not enough, what the system itself shares. Each only as far as records are still missing.
 */
function sources(): readonly string[] {
  const npm = process.env["npm_execpath"];
  return [PACKAGES, ...(npm === undefined ? [] : [dirname(dirname(npm))]), join(PACKAGES, ".cache"), "/usr/share"];
}

/** Every file of node_modules, and more folders until there are `enough`; at most `max` records. */
export async function collectRecords(enough: number, max: number, onRecord: () => void): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  for (const source of sources()) {
    if (source !== PACKAGES && records.length >= enough) break;
    const wanted = source === PACKAGES ? max : Math.min(max, enough);
    for await (const file of filesBelow(source)) {
      if (records.length >= wanted) break;
      const record = await recordOf(file);
      if (record === undefined) continue;
      records.push(record);
      onRecord();
    }
  }
  return records;
}

interface Found {
  readonly path: string;
  readonly from: Package;
}

/** Regular files in order of their names, with the package that each belongs to. Hidden folders are left out. */
async function* filesBelow(folder: string, outer: Package = NO_PACKAGE): AsyncGenerator<Found> {
  const inside = await entriesOf(folder);
  const manifest = inside.some(({ name }) => name === "package.json");
  const from = manifest ? await packageOf(join(folder, "package.json"), outer) : outer;
  for (const entry of inside) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield { path, from };
    else if (entry.isDirectory() && !entry.name.startsWith(".")) yield* filesBelow(path, from);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  // A folder that somebody removes meanwhile, or that we may not read, has nothing for us.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a package.json says; a nameless one only sets options for the package around it. */
async function packageOf(path: string, outer: Package): Promise<Package> {
  try {
    const { name, version, license, licenses } = JSON.parse(await readFile(path, "utf8"));
    if (typeof name !== "string") return outer;
    const licence = license?.type ?? license ?? licenses?.[0]?.type ?? null;
    return { package: name, version: version ?? null, licence: typeof licence === "string" ? licence : null };
  } catch {
    return outer;
  }
}

/** undefined for a file that is gone or cannot be read. */
async function recordOf({ path, from }: Found): Promise<FileRecord | undefined> {
  try {
    const { size, mtime } = await stat(path);
    const key = (path.startsWith(ROOT) ? relative(ROOT, path) : path).split(sep).join("/");
    const record = { path: key, bytes: size, sha256: await sha256OfFile(path), ...from };
    const again = { ...record, modified: mtime.toISOString() };
    return { key, value: JSON.stringify(record), secondValue: JSON.stringify(again) };
  } catch {
    return undefined;
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
