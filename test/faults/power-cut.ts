// The power fails: an ext4 in a file is mounted through a loop device, a store writes on it, and the file is copied in the
// middle of it. The copy is what a disk would hold: what was synced, and of the rest whatever had been written back. It is
// mounted (which replays the journal) and judged: everything acknowledged before the copy began is there.
//
// A copy takes time, and what is written meanwhile may be in it in part. Only a copy counts during which the device completed
// no write (its counters say so); when writes come too fast for that, the writer is stopped for the time of the copy. The
// file is on a tmpfs, so that copying takes milliseconds.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type JudgedPlace, judgeStore } from "../support/store-judge.ts";
import { StoreRun } from "../support/store-run.ts";
import type { Report } from "../support/store-writer.ts";
import { inScratch, type Scratch } from "./mounts.ts";
import { type Fault, Tally } from "./outcome.ts";

const IMAGE_BYTES = 64 << 20;
const HOST_BYTES = 160 << 20;
const TRIES_WHILE_RUNNING = 10;
const CUTS_PER_WRITER = 25;
/** What a device needs to finish what it has begun, and a pipe to deliver. */
const QUIET_MS = 20;

export const powerCut: Fault = {
  name: "power-cut",
  async run({ extent }) {
    const tally = new Tally();
    const cuts = { running: 0, stopped: 0 };
    const writers = extent === "all" ? 4 : 1;
    for (let i = 0; i < writers; i++) {
      const count = extent === "all" ? CUTS_PER_WRITER : 3;
      await inScratch((scratch) => cutAgainAndAgain(scratch, i % 2 === 1, count, tally, cuts));
    }
    const remarks = `${cuts.running} copies while it ran, ${cuts.stopped} while it was stopped`;
    return [tally.outcome("the power is cut", "copies of a loop-mounted ext4 while it is written to", remarks)];
  },
};

async function cutAgainAndAgain(
  scratch: Scratch,
  valuesInSegments: boolean,
  count: number,
  tally: Tally,
  cuts: { running: number; stopped: number },
): Promise<void> {
  const [host, point, copyPoint] = [scratch.path("host"), scratch.path("disk"), scratch.path("copy")];
  for (const directory of [host, point, copyPoint]) mkdirSync(directory);
  scratch.mountTmpfs(host, HOST_BYTES);
  const image = scratch.path("host", "disk.img");
  const copy = scratch.path("host", "copy.img");
  scratch.makeExt4(image, IMAGE_BYTES);
  const device = scratch.mountImage(image, point);
  const place: JudgedPlace = { directory: scratch.path("disk", "db"), valuesInSegments, valueBytes: 500 };
  const run = new StoreRun({ ...place, script: "loop", first: 1, entries: 4, truncateEvery: 12, pauseMs: 20 });
  await run.until((report) => report.say === "acknowledged");
  for (let cut = 1; cut <= count; cut++) {
    const name = `cut ${cut}${valuesInSegments ? ", values in segments" : ""}`;
    await sleep(20 + Math.random() * 150);
    const { promised, how } = await copyAtOneInstant(run, device, image, copy);
    cuts[how]++;
    await sleep(QUIET_MS);
    scratch.mountImage(copy, copyPoint);
    try {
      const directory = scratch.path("copy", "db");
      pretendReboot(directory);
      const reports = [...run.reports.slice(0, promised), ...run.reports.slice(promised).filter(isAttempt)];
      tally.add(name, await judgeStore({ ...place, directory }, reports));
    } catch (error) {
      tally.failed(name, error);
    } finally {
      await scratch.unmount(copyPoint);
    }
  }
  const how = await run.stop();
  if (how !== "exit code 0") tally.findings.push(`the writer ended with ${how}\n${run.errors}`);
}

/** Reports heard before the copy began are promises; of those after it only what was tried matters. */
async function copyAtOneInstant(
  run: StoreRun,
  device: string,
  image: string,
  copy: string,
): Promise<{ readonly promised: number; readonly how: "running" | "stopped" }> {
  for (let tries = 0; tries < TRIES_WHILE_RUNNING; tries++) {
    const promised = run.reports.length;
    const before = writesOf(device);
    execFileSync("cp", ["--sparse=always", image, copy]);
    if (writesOf(device) === before) return { promised, how: "running" };
    await sleep(Math.random() * QUIET_MS);
  }
  const pid = run.pid as number;
  process.kill(pid, "SIGSTOP");
  try {
    await sleep(QUIET_MS);
    const promised = run.reports.length;
    execFileSync("cp", ["--sparse=always", image, copy]);
    return { promised, how: "stopped" };
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** Writes that a block device has completed. */
function writesOf(device: string): string | undefined {
  return readFileSync(`/sys/block/${device}/stat`, "utf8").trim().split(/\s+/)[4];
}

function isAttempt(report: Report): boolean {
  return report.say === "sent" || report.say === "truncating";
}

/** The marker of an open database says which start of the machine it is from: after a power cut it is another one. */
function pretendReboot(directory: string): void {
  writeFileSync(`${directory}/open`, "00000000-0000-0000-0000-000000000000");
}
