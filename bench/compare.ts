// `npm run bench:compare -- A B`: two reports as they were written to files, or two servers side by side.
//
//   npm run bench:compare -- before.json after.json
//   npm run bench:compare -- 127.0.0.1:3322 127.0.0.1:3323 --pids 4711,4712 --workloads get,set
//   npm run bench:compare -- src/cli/immudb.ts /elsewhere/src/cli/immudb.ts        (programs: both are started)
//
// Servers are measured in turns, A B A B …, so that what else the machine does hits both alike, and the ratio of each pair
// of turns is a measurement of its own. The ratio is B to A: above 1, B makes more calls or takes more processor time.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { markdownTable } from "markdown-table";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { Cell } from "./cell.ts";
import { prepare } from "./ground.ts";
import { digits, floorsTable } from "./report.ts";
import type { FigureName, Report, Result } from "./result.ts";
import { type SubjectOptions, startSubject } from "./subject.ts";
import { READS } from "./workloads/reads.ts";
import type { Workload } from "./workloads/workload.ts";
import { BULK, WRITES } from "./workloads/writes.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workloads: { type: "string" },
    pids: { type: "string", default: "" },
    "server-flags": { type: "string", default: "" },
    "flags-a": { type: "string", default: "" },
    "flags-b": { type: "string", default: "" },
    turns: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
  },
});

const FIGURES: readonly (readonly [name: FigureName, head: string])[] = [
  ["callsPerSecond", "calls/s"],
  ["cpuUsPerCall", "CPU µs/call"],
  ["p99Ms", "p99 ms"],
];

useNodeSha256();
const [a, b] = positionals;
if (a === undefined || b === undefined) throw new Error("name two reports (.json), two addresses or two programs");
if (a.endsWith(".json")) {
  const [before, after] = [read(a), read(b)];
  console.log(`${table(pairsOf(before.results, after.results))}\n\n${floorsTable(before, after)}`);
} else {
  console.log(table(await sideBySide(a, b)));
}

/** The same workload twice. */
type Pair = readonly [Result, Result];

function read(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8"));
}

function pairsOf(before: readonly Result[], after: readonly Result[]): Pair[] {
  const same = (one: Result) => (other: Result) => other.workload === one.workload && other.inFlight === one.inFlight;
  const measured = (results: readonly Result[]): Result[] => results.filter(({ notBuilt }) => notBuilt !== true);
  return measured(before).flatMap((one) =>
    measured(after)
      .filter(same(one))
      .map((other): Pair => [one, other]),
  );
}

async function sideBySide(first: string, second: string): Promise<Pair[]> {
  const names = flags.workloads?.split(",").map((name) => name.trim());
  const wanted = [...READS, ...WRITES, ...BULK].filter(({ name }) => names === undefined || names.includes(name));
  const pids = flags.pids.split(",").map((pid) => (pid === "" ? undefined : Number(pid)));
  const one = await opened(optionsOf(first, pids[0], flags["flags-a"]), wanted);
  const other = await opened(optionsOf(second, pids[1], flags["flags-b"]), wanted);
  try {
    const ms = Number(flags.seconds) * 1000;
    for (const cell of [...one.cells, ...other.cells]) await cell.warmUp(ms);
    for (let turn = 0; turn < Number(flags.turns); turn++) {
      for (const [i, cell] of one.cells.entries()) {
        await cell.turn(ms);
        await other.cells[i]?.turn(ms);
      }
    }
    return pairsOf(
      one.cells.map((cell) => cell.result()),
      other.cells.map((cell) => cell.result()),
    );
  } finally {
    await one.stop();
    await other.stop();
  }
}

function optionsOf(name: string, pid: number | undefined, more: string): SubjectOptions {
  const serverFlags = `${flags["server-flags"]} ${more}`.split(" ").filter((flag) => flag !== "");
  const isAddress = /:\d+$/.test(name);
  return { flags: serverFlags, pid, ...(isAddress ? { address: name } : { program: name }) };
}

async function opened(
  options: SubjectOptions,
  workloads: readonly Workload[],
): Promise<{ cells: Cell[]; stop: () => Promise<void> }> {
  const subject = await startSubject(options);
  const ground = await prepare(subject.address, workloads.every(({ isWrite }) => isWrite) ? "few" : "all");
  const offered = workloads.filter(({ isOffered }) => isOffered?.(ground) !== false);
  const cells = offered.flatMap((each) => each.shapes.map((shape) => new Cell(subject, ground, each, shape)));
  return { cells, stop: () => subject.stop() };
}

function table(all: readonly Pair[]): string {
  const used = FIGURES.filter(([name]) => all.some((pair) => pair.every(({ figures }) => figures[name] !== undefined)));
  const heads = ["what", "in flight", ...used.flatMap(([, head]) => [`${head} A`, "B", "B/A (spread)"])];
  const calls = all.filter(([{ figures }]) => figures.callsPerSecond !== undefined);
  const rows = calls.map((pair) => [
    pair[0].workload,
    String(pair[0].inFlight),
    ...used.flatMap(([name]) => [digits(pair[0].figures[name]), digits(pair[1].figures[name]), ratio(pair, name)]),
  ]);
  return [markdownTable([heads, ...rows], { align: ["l", ...heads.slice(1).map(() => "r")] }), ...otherTable(all)].join(
    "\n",
  );
}

/** Ratio of the whole, and the lowest and highest of single turns. */
function ratio([one, other]: Pair, name: FigureName): string {
  const of = (from: Result["turns"][number], to: Result["turns"][number]): number =>
    (to[name] ?? Number.NaN) / (from[name] ?? Number.NaN);
  const whole = of(one.figures, other.figures);
  if (Number.isNaN(whole)) return "";
  const each = one.turns.map((turn, i) => of(turn, other.turns[i] ?? {})).filter((value) => !Number.isNaN(value));
  if (each.length < 2) return digits(whole);
  return `${digits(whole)} (${digits(Math.min(...each))}–${digits(Math.max(...each))})`;
}

/** What has none of the figures above: starts, memory, disk. */
function otherTable(all: readonly Pair[]): string[] {
  const rows = all
    .filter(([one]) => one.figures.callsPerSecond === undefined)
    .flatMap(([one, other]) =>
      Object.entries(other.figures).map(([name, value]) => [
        one.workload,
        name,
        digits(one.figures[name as FigureName]),
        digits(value),
      ]),
    );
  if (rows.length === 0) return [];
  return ["", markdownTable([["what", "figure", "A", "B"], ...rows], { align: ["l", "l", "r", "r"] })];
}
