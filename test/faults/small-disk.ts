// A disk of a few MiB that a test can fill: tmpfs, mounted where the process may mount.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export interface SmallDisk {
  readonly path: string;
  /** Takes all but `leftBytes` of what is free. */
  fill(leftBytes?: number): void;
  /** Gives back what was taken. */
  empty(): void;
  readonly freeBytes: number;
}

/** Runs `body` on a disk of that size; skips the test, with the reason, where nothing can be mounted. */
export async function onSmallDisk(
  t: TestContext,
  mib: number,
  body: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "small-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path], { stdio: "pipe" });
  } catch (error) {
    await rm(path, { recursive: true });
    t.skip(`this process may not mount a disk to fill: ${(error as Error).message.split("\n")[1] ?? ""}`);
    return;
  }
  try {
    await body(smallDisk(path));
  } finally {
    execFileSync("umount", ["--lazy", path]);
    await rm(path, { recursive: true });
  }
}

function smallDisk(path: string): SmallDisk {
  const ballast = join(path, "ballast");
  const free = (): number => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  };
  return {
    path,
    fill(leftBytes = 0) {
      const bytes = free() - leftBytes;
      if (bytes <= 0) return;
      const file = openSync(ballast, "a");
      const block = new Uint8Array(64 * 1024);
      for (let left = bytes; left > 0; left -= block.length) writeSync(file, block, 0, Math.min(left, block.length));
      closeSync(file);
    },
    empty: () => rmSync(ballast, { force: true }),
    get freeBytes() {
      return free();
    },
  };
}
