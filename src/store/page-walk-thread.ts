// A program for a thread of its own: walks the pages of an LMDB file, which can be gigabytes, and gives way to whoever serves.
// It says "sound", or what is wrong first.

import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { WalkOrder } from "./page-walk.ts";
import { Pace } from "./verify-pace.ts";
import { walkPages } from "./verify-pages.ts";

const LESS_URGENT = 10;

const { path, meta } = workerData as WalkOrder;
// On Linux this is the priority of the thread; elsewhere that of the process, which stays as it is.
if (process.platform === "linux") setPriority(0, LESS_URGENT);
let said = "sound";
await walkPages(
  path,
  new Pace(),
  (what) => {
    if (said === "sound") said = what;
  },
  meta,
);
parentPort?.postMessage(said);
