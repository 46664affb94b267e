// A program: reads an LMDB environment to its end, so that a damaged one ends this process and not the server's
// (probing.ts starts it). `node probe.ts <directory>`; why it is damaged goes to standard output.
//
// First page by page as a file, which finds also what LMDB would pass over; then row by row as the server will read it.

import { join } from "node:path";
import { walkEnvironment } from "./engine-lmdb.ts";
import { StoreError } from "./errors.ts";
import { damaged } from "./lmdb-check.ts";
import { PROBE_EXIT_DAMAGED } from "./probing.ts";
import { Pace } from "./verify-pace.ts";
import { walkPages } from "./verify-pages.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: probe <directory>");
const file = join(directory, "data.mdb");
try {
  await walkPages(file, new Pace(), (what) => {
    throw damaged(file, what);
  });
  await walkEnvironment(directory);
} catch (error) {
  if (!(error instanceof StoreError && error.code === "damaged")) throw error;
  process.stdout.write(error.message);
  process.exitCode = PROBE_EXIT_DAMAGED;
}
