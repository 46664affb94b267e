// The existing Node SDK for tests: old packages, so they have a lock and a folder of their own, away from the project's.
// As a program, prints that folder.

import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { mustRun } from "./run.ts";

const SOURCE: string = join(import.meta.dirname, "../test/e2e/node-sdk");
const FILES: readonly string[] = ["package.json", "package-lock.json"].map((name) => join(SOURCE, name));

/** A folder in which `require("immudb-node")` finds the SDK: run a program there, or make a require for it. */
export function nodeSdkFolder(): Promise<string> {
  return cachedFolder("node-sdk", FILES, async (unfinished) => {
    for (const file of FILES) await copyFile(file, join(unfinished, basename(file)));
    await mustRun("npm", ["ci", "--prefix", unfinished, "--ignore-scripts"], unfinished);
  });
}

if (import.meta.main) console.log(await nodeSdkFolder());
