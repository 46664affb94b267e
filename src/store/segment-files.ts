// The files of the value segments of one database: a directory of append-only files. Behind a seam, so that a simulated disk
// can lose what was not synced.

import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StoreError } from "./errors.ts";
import { syncDirectory } from "./sync-directory.ts";

export interface SegmentFiles {
  /** Names and sizes of the files, in order of names. */
  list(): Promise<{ readonly name: string; readonly bytes: number }[]>;
  /** Appends to a file, creating it when missing, and syncs. Resolves with the position at which it begins. */
  append(name: string, pieces: readonly Uint8Array[]): Promise<number>;
  /** Bytes at a position; undefined when the file is missing or ends before. */
  read(name: string, position: number, length: number): Uint8Array | undefined;
  /** Creates a file with this content, on disk as a whole or not at all. */
  create(name: string, bytes: Uint8Array): Promise<void>;
  /** A new file that has no name yet: it is there as long as nobody lets go of it. */
  spool(): Promise<SpoolFile>;
  /** Removes files for good. */
  remove(names: readonly string[]): Promise<void>;
  /** Closes what is open for reading. What is read, or begun, later is refused with `closed`. */
  close(): void;
}

/** A file that is written before it is known what it will be called. */
export interface SpoolFile {
  /** Appends. One write at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when what was written is on disk. */
  sync(): Promise<void>;
  /** Gives it its name, in the place of whatever has that, after `head` has replaced its first bytes; on disk when it resolves. */
  adopt(name: string, head: Uint8Array): Promise<void>;
  /** Lets go of it; it is gone unless it has a name. */
  close(): Promise<void>;
}

const OPEN_FILES_MAX = 8;
const UNFINISHED = ".unfinished";

/**
 * Files without a name that this process made. A directory may be opened again while somebody still holds one of before: under
 * the same name, one would be removed with the other.
 */
let spools = 0;

/** Segment files in a directory on disk, created when something is first written. */
export class DiskSegmentFiles implements SegmentFiles {
  readonly #directory: string;
  /** Descriptors for reading, the least recently used first. */
  readonly #open = new Map<string, number>();
  #isClosed = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async list(): Promise<{ name: string; bytes: number }[]> {
    // Most databases have none, and it is asked whenever one is opened.
    if (!existsSync(this.#directory)) return [];
    const names = await readdir(this.#directory);
    const files: { name: string; bytes: number }[] = [];
    for (const name of names.sort()) {
      if (name.endsWith(UNFINISHED)) await rm(join(this.#directory, name));
      else files.push({ name, bytes: (await stat(join(this.#directory, name))).size });
    }
    return files;
  }

  async append(name: string, pieces: readonly Uint8Array[]): Promise<number> {
    await this.#makeDirectory();
    const file = await open(join(this.#directory, name), "a", 0o600);
    try {
      const position = (await file.stat()).size;
      await file.writeFile(pieces);
      await file.datasync();
      if (position === 0) await syncDirectory(this.#directory);
      return position;
    } finally {
      await file.close();
    }
  }

  read(name: string, position: number, length: number): Uint8Array | undefined {
    const descriptor = this.#descriptor(name);
    if (descriptor === undefined || fstatSync(descriptor).size < position + length) return undefined;
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const read = readSync(descriptor, bytes, at, length - at, position + at);
      if (read === 0) return undefined;
      at += read;
    }
    return bytes;
  }

  async create(name: string, bytes: Uint8Array): Promise<void> {
    const unfinished = join(this.#directory, `${name}${UNFINISHED}`);
    await this.#makeDirectory();
    const file = await open(unfinished, "w", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#forget(name);
    await rename(unfinished, join(this.#directory, name));
    await syncDirectory(this.#directory);
  }

  async spool(): Promise<SpoolFile> {
    this.#requireOpen();
    await this.#makeDirectory();
    const path = join(this.#directory, `spool-${++spools}${UNFINISHED}`);
    const file = await open(path, "wx", 0o600);
    let isNamed = false;
    return {
      write: (bytes) => file.writeFile(bytes),
      sync: () => file.datasync(),
      adopt: async (name, head) => {
        await file.write(head, 0, head.length, 0);
        await file.datasync();
        this.#forget(name);
        await rename(path, join(this.#directory, name));
        isNamed = true;
        await syncDirectory(this.#directory);
      },
      close: async () => {
        await file.close();
        if (!isNamed) await rm(path, { force: true });
      },
    };
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#forget(name);
      await rm(join(this.#directory, name), { force: true });
    }
    if (names.length > 0) await syncDirectory(this.#directory);
  }

  close(): void {
    this.#isClosed = true;
    for (const name of [...this.#open.keys()]) this.#forget(name);
  }

  async #makeDirectory(): Promise<void> {
    const made = await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncDirectory(dirname(this.#directory));
  }

  /** What is opened later would be closed by nobody. */
  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError("closed", "the value segments are closed");
  }

  #descriptor(name: string): number | undefined {
    this.#requireOpen();
    let descriptor = this.#open.get(name);
    if (descriptor === undefined) {
      try {
        descriptor = openSync(join(this.#directory, name), "r");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      if (this.#open.size >= OPEN_FILES_MAX) this.#forget(this.#open.keys().next().value as string);
    }
    this.#open.delete(name);
    this.#open.set(name, descriptor);
    return descriptor;
  }

  #forget(name: string): void {
    const descriptor = this.#open.get(name);
    if (descriptor === undefined) return;
    closeSync(descriptor);
    this.#open.delete(name);
  }
}
