// Small file systems of a test's own: a tmpfs, and an ext4 in a file, mounted through a loop device. Both need root, and a
// machine that lets root mount.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Unavailable } from "./outcome.ts";

const UNMOUNT_TRIES = 50;
const UNMOUNT_PAUSE_MS = 40;

/** A directory that a test may use and leave mounted: it is cleared away after `body`. */
export async function inScratch<T>(body: (scratch: Scratch) => Promise<T>): Promise<T> {
  const scratch = new Scratch(await mkdtemp(join(tmpdir(), "faults-")));
  try {
    return await body(scratch);
  } finally {
    await scratch.clear();
  }
}

export class Scratch {
  readonly directory: string;
  /** Mount points, the last one on top. */
  readonly #mounted: string[] = [];

  constructor(directory: string) {
    this.directory = directory;
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** Mounts a tmpfs of that many bytes on an existing directory. Throws Unavailable. */
  mountTmpfs(point: string, bytes: number): void {
    this.#mount("a tmpfs", ["-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "tmpfs", point], point);
  }

  /** Makes an ext4 of that many bytes in a file. Throws Unavailable. */
  makeExt4(image: string, bytes: number): void {
    must("no ext4 can be made", "truncate", ["-s", String(bytes), image]);
    must("no ext4 can be made", "mkfs.ext4", ["-q", "-F", image]);
  }

  /** Mounts such a file on an existing directory. Throws Unavailable. Returns the name of the loop device ("loop0"). */
  mountImage(image: string, point: string): string {
    this.#mount("a file through a loop device", ["-o", "loop,errors=remount-ro", image, point], point);
    const device = must("findmnt fails", "findmnt", ["-n", "-o", "SOURCE", "--mountpoint", point]).trim();
    return device.slice(device.lastIndexOf("/") + 1);
  }

  /** Waits a little for who still has a file open there. Throws when it stays in use. */
  async unmount(point: string): Promise<void> {
    for (let tries = 1; spawnSync("umount", [point]).status !== 0; tries++) {
      if (tries === UNMOUNT_TRIES) throw new Error(`${point} stays in use`);
      await sleep(UNMOUNT_PAUSE_MS);
    }
    this.#mounted.splice(this.#mounted.indexOf(point), 1);
  }

  async clear(): Promise<void> {
    for (const point of this.#mounted.splice(0).reverse()) spawnSync("umount", ["--lazy", point]);
    await rm(this.directory, { recursive: true, force: true });
  }

  #mount(what: string, args: readonly string[], point: string): void {
    must(`${what} cannot be mounted`, "mount", args);
    this.#mounted.push(point);
  }
}

/** Runs a program that has to succeed, and returns what it printed. Throws Unavailable with its complaint. */
function must(complaint: string, program: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw new Unavailable(`${complaint}: ${error.message}`);
  if (status !== 0) throw new Unavailable(`${complaint}: ${stderr.trim()}`);
  return stdout;
}
