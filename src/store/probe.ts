// A program: reads an LMDB environment to its end, so that a damaged one ends this process and not the server's
// (probing.ts starts it). `node probe.ts <directory>`; why it is damaged goes to standard output.

import { walkEnvironment } from "./engine-lmdb.ts";
import { StoreError } from "./errors.ts";
import { PROBE_EXIT_DAMAGED } from "./probing.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: probe <directory>");
try {
  await walkEnvironment(directory);
} catch (error) {
  if (!(error instanceof StoreError && error.code === "damaged")) throw error;
  process.stdout.write(error.message);
  process.exitCode = PROBE_EXIT_DAMAGED;
}
