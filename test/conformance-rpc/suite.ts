// Runs the conformance suite of the Connect project against our port, over one transport, and judges what it reports.
//
//   fails, not listed                    a fault
//   fails, listed, the stock one passes  a fault: ours passes whatever the stock adapter passes
//   passes or is gone, but listed        a fault: the lists may only shrink
//
// A list holds the full names of cases, one a line; lines with # say why.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { goTool } from "../../scripts/go-tool.ts";
import { run } from "../../scripts/run.ts";
import type { Transport } from "../../src/server/doors.ts";

const FEATURES = join(import.meta.dirname, "features.yaml");
const SERVER = join(import.meta.dirname, "server-child.ts");
/** Servers at once, and calls at once to each of them. */
const SERVERS = 2;
const PARALLEL = 8;

export interface Outcome {
  /** Cases that were run. */
  readonly total: number;
  /** Name of each case that failed, and why. */
  readonly failed: ReadonlyMap<string, string>;
  readonly seconds: number;
}

/** `only`: a pattern of names, as the suite understands them (`**` and `*`). */
export async function runSuite(transport: Transport, only?: string): Promise<Outcome> {
  const suite = await goTool("connectconformance");
  const began = performance.now();
  const { output } = await run(suite, [
    ...["--mode", "server", "--conf", FEATURES, "--max-servers", `${SERVERS}`, "--parallel", `${PARALLEL}`],
    ...(only === undefined ? [] : ["--run", only, "--trace"]),
    ...["--", process.execPath, SERVER, transport],
  ]);
  return { ...readReport(output), seconds: (performance.now() - began) / 1000 };
}

/** Throws when the suite did not run to its end. */
export function readReport(output: string): Pick<Outcome, "total" | "failed"> {
  const failed = new Map<string, string>();
  for (const block of output.split(/^(?=FAILED: |Total cases: )/m)) {
    const [, name, why] = /^FAILED: (.+):\n(.*)$/s.exec(block) ?? [];
    if (name !== undefined && why !== undefined) failed.set(name, why.trimEnd());
  }
  const counts = /(?:^|\n)Total cases: (\d+)\n(\d+) passed, (\d+) failed\s*$/.exec(output)?.slice(1).map(Number);
  const [total = 0, passed = 0, failures = 0] = counts ?? [];
  if (total === 0 || passed + failures !== total || failures !== failed.size) {
    throw new Error(`the suite did not run to its end, or reports in another form:\n${output}`);
  }
  return { total, failed };
}

/** The cases that a transport is known to fail. */
export async function knownFailures(transport: Transport): Promise<string[]> {
  const text = await readFile(join(import.meta.dirname, `known-failures-${transport}.txt`), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** What is wrong with an outcome, a line for each case; nothing when it is as the list says. */
export function judge({ failed }: Outcome, known: readonly string[], stock?: Outcome): string[] {
  const complaints: string[] = [];
  for (const [name, why] of failed) {
    if (!known.includes(name)) complaints.push(`fails: ${name}\n${why}`);
    else if (stock?.failed.has(name) === false) complaints.push(`the stock adapter passes what is listed: ${name}`);
  }
  for (const name of known) {
    if (!failed.has(name)) complaints.push(`passes, or is gone, and must leave the list: ${name}`);
  }
  return complaints;
}

export function summary(transport: Transport, { total, failed, seconds }: Outcome): string {
  const passed = total - failed.size;
  return `conformance:rpc ${transport}: ${passed} of ${total} cases passed, ${failed.size} failed (${seconds.toFixed(1)} s)`;
}
