// The disk is full, in each phase: the file system under one part of a database (log, index, values) or under all of it is
// a tmpfs of a few MiB, filled up by a file beside the database. Space is given back while the writer goes on, and it has to
// go on too.
//
//   fill ──▶ writer starts or goes on ──▶ refusals ──▶ space returned ──▶ acknowledgements ──▶ judged
//
// This is the disk below the low-disk watermark, which the writer does not have: another program may fill a disk faster than
// a watermark is looked at. It may even fill it between the store's own look and LMDB's write, and LMDB does not survive a
// write that the system refuses (store/lmdb-room.ts): then the writer may end, once, and the next one goes on.

import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type JudgedPlace, judgeStore, nextAttempt } from "../support/store-judge.ts";
import { StoreRun } from "../support/store-run.ts";
import type { Report, WriterPlan } from "../support/store-writer.ts";
import { inScratch, type Scratch } from "./mounts.ts";
import { type Fault, type Outcome, Tally } from "./outcome.ts";

const DISK_BYTES = 8 << 20;
const BLOCK_BYTES = 4096;
const SOME = 5;
const REFUSED_FOR_MS = 200;
const INDEX_BEHIND_MS = 1000;
const WAIT_MS = 10_000;
/** What lmdb prints before it dies of it. */
const ENDED_BY_LMDB = /^Write error: No space left on device/m;

interface Kind {
  readonly name: string;
  /** Directory below the database's that the small disk is mounted on; "": the database itself. */
  readonly on: "" | "log" | "index" | "values";
  readonly valuesInSegments: boolean;
  /** Free bytes once the database is there; absent: full before it is created. */
  readonly freeBytes?: number;
  readonly truncateEvery?: number;
}

const KINDS: readonly Kind[] = [
  { name: "when a database is created", on: "", valuesInSegments: false },
  { name: "of the log", on: "log", valuesInSegments: false, freeBytes: 0 },
  { name: "of the index", on: "index", valuesInSegments: false, freeBytes: 0 },
  { name: "of values", on: "values", valuesInSegments: true, freeBytes: 0 },
  { name: "of all, a bit at a time", on: "", valuesInSegments: false, freeBytes: 200_000 },
  { name: "in a truncation", on: "", valuesInSegments: false, freeBytes: 1_000_000, truncateEvery: 20 },
  { name: "in a truncation of segments", on: "", valuesInSegments: true, freeBytes: 0, truncateEvery: 20 },
];

export const diskFull: Fault = {
  name: "disk-full",
  async run({ extent }) {
    const outcomes: Outcome[] = [];
    for (const kind of KINDS) {
      const tally = new Tally();
      const ended = { byLmdb: 0 };
      const rounds = extent === "all" ? 5 : 1;
      for (let round = 1; round <= rounds; round++) await inScratch((scratch) => fillUp(scratch, kind, tally, ended));
      outcomes.push(
        tally.outcome(`the disk is full: ${kind.name}`, `tmpfs of ${DISK_BYTES >> 20} MiB`, remarksOf(ended)),
      );
    }
    return outcomes;
  },
};

function remarksOf({ byLmdb }: { readonly byLmdb: number }): string {
  return byLmdb === 0 ? "" : `${byLmdb} processes ended by LMDB`;
}

async function fillUp(scratch: Scratch, kind: Kind, tally: Tally, ended: { byLmdb: number }): Promise<void> {
  const { on, valuesInSegments, freeBytes, truncateEvery } = kind;
  const directory = scratch.path("db");
  const disk = join(directory, on);
  mkdirSync(disk, { recursive: true });
  scratch.mountTmpfs(disk, DISK_BYTES);
  const place: JudgedPlace = { directory, valuesInSegments, valueBytes: 1000 };
  const plan: WriterPlan = {
    ...place,
    script: "loop",
    first: 1,
    entries: 3,
    ...(truncateEvery === undefined ? {} : { truncateEvery }),
  };
  const reports: Report[] = [];
  try {
    if (freeBytes === undefined) {
      await fill(disk, 0);
      reports.push(...(await refusedToOpen(plan)));
      rmSync(join(disk, BALLAST));
    }
    let run = new StoreRun({ ...plan, first: nextAttempt(reports) });
    let how: string;
    try {
      await fillWhile(run, kind, disk);
      how = await goOn(run, disk);
    } catch (error) {
      how = String(error);
    }
    if (how !== "exit code 0" && ENDED_BY_LMDB.test(run.errors)) {
      ended.byLmdb++;
      reports.push(...run.reports);
      run = new StoreRun({ ...plan, first: nextAttempt(reports) });
      how = await goOn(run, disk);
    }
    if (how !== "exit code 0") tally.findings.push(`${kind.name}: the writer ended with ${how}\n${run.errors}`);
    tally.add(kind.name, await judgeStore(place, [...reports, ...run.reports]));
  } catch (error) {
    tally.failed(kind.name, error);
  }
}

/** Fills the disk while a writer is at work, until it has been refused for a while. */
async function fillWhile(run: StoreRun, kind: Kind, disk: string): Promise<void> {
  // Some transactions, so that there is something to truncate.
  await during(run, (report) => report.say === "acknowledged" && Number(report.tx) >= SOME, "acknowledgements");
  await fill(disk, kind.freeBytes ?? 0);
  // A full index holds nothing up: what it lacks is kept in memory.
  if (kind.on === "index") await sleep(INDEX_BEHIND_MS);
  else await during(run, (report) => isRefused(report, kind), "a refusal for want of space");
  await sleep(REFUSED_FOR_MS);
}

/** Returns the space, and sees that the writer goes on. Returns how it ended. */
async function goOn(run: StoreRun, disk: string): Promise<string> {
  rmSync(join(disk, BALLAST), { force: true });
  await during(run, (report) => report.say === "acknowledged", "an acknowledgement once there is space");
  return run.stop();
}

/** A writer that cannot even create its database, and says so. */
async function refusedToOpen(plan: WriterPlan): Promise<readonly Report[]> {
  const run = new StoreRun(plan);
  await run.ended;
  if (!run.reports.some((report) => report.say === "refused" && report.what === "open"))
    throw new Error(`creating a database on a full disk was not refused:\n${run.errors}`);
  return run.reports;
}

function isRefused(report: Report, { truncateEvery }: Kind): boolean {
  if (truncateEvery !== undefined) return report.say === "refused" && report.what === "truncate";
  return report.say === "failed";
}

async function during(run: StoreRun, ready: (report: Report) => boolean, what: string): Promise<void> {
  const happened = await Promise.race([run.until(ready), sleep(WAIT_MS, "late" as const, { ref: false })]);
  if (happened === true) return;
  const last = run.reports.slice(-3).map((report) => JSON.stringify(report));
  await run.kill();
  throw new Error(`no ${what} within ${WAIT_MS} ms; last: ${last.join(" ")}\n${run.errors}`);
}

const BALLAST = "ballast";

/** Fills a file system until only so much is free. */
async function fill(directory: string, freeBytes: number): Promise<void> {
  const file = await open(join(directory, BALLAST), "a");
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(directory);
      const bytes = Math.min(1 << 20, bavail * bsize - freeBytes);
      if (bytes < BLOCK_BYTES) return;
      await file.write(Buffer.alloc(bytes - (bytes % BLOCK_BYTES)));
    }
  } catch (error) {
    // Somebody else was faster.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
}
