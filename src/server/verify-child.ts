// A program: verifies one database, or what the server keeps beside them, and tells its parent (verify-process.ts). In a
// process of its own, since a damaged page ends the one that reads it, and since it must not keep a server's thread busy.

import { constants, setPriority } from "node:os";
import { systemRandom } from "../base/random.ts";
import { lmdbDriver } from "../store/engine-lmdb.ts";
import { verifyDatabase } from "../store/verify-database.ts";
import { Pace } from "../store/verify-pace.ts";
import { Findings } from "../store/verify-report.ts";
import { useNodeSha256 } from "./node-sha256.ts";
import type { FromChild, ToChild, VerifyTask } from "./verify-process.ts";
import { verifyServerFiles } from "./verify-server-files.ts";

const PROGRESS_EVERY_MS = 200;

const stopping = new AbortController();

process.on("message", (message: ToChild) => {
  if (message.kind === "stop") stopping.abort();
  else void run(message);
});
// Nobody is left to tell.
process.on("disconnect", () => process.exit());

async function run(task: VerifyTask): Promise<void> {
  useNodeSha256();
  try {
    const answer = await perform(task);
    if (answer !== undefined) tell(answer);
  } catch (error) {
    if (!stopping.signal.aborted) tell({ kind: "failed", message: (error as Error).stack ?? String(error) });
  }
  process.disconnect();
}

async function perform(task: VerifyTask): Promise<FromChild | undefined> {
  let toldMs = 0;
  const findings = new Findings((finding) => tell({ kind: "finding", finding }));
  const pace = new Pace(stopping.signal, (progress) => {
    const now = performance.now();
    if (now - toldMs < PROGRESS_EVERY_MS && progress.done < progress.total) return;
    toldMs = now;
    tell({ kind: "progress", progress, covered: findings.covered });
  });
  const parts = { driver: lmdbDriver, random: systemRandom, findings, pace };
  switch (task.kind) {
    case "database":
      // Whoever is served comes first.
      if (task.job.live) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      return { kind: "report", report: await verifyDatabase(task.job, parts), databases: [] };
    case "server":
      return { kind: "report", ...(await verifyServerFiles(task.directory, parts)) };
    case "release":
      // Opening an environment frees the places of readers that have died.
      for (const directory of task.directories)
        await (await lmdbDriver.open(directory, { durable: true, readOnly: true })).close();
      return undefined;
  }
}

function tell(message: FromChild): void {
  process.send?.(message);
}
