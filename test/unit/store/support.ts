// What the tests of the store share: directories that go away, and the code of an error.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `body` with a new directory, which is removed afterwards. */
export async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "immudb-store-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The code of the error that `run` throws or rejects with; "none" when it does neither. */
export async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return "none";
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    return (error as { code: string }).code;
  }
}
