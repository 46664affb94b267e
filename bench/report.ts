// Tables for people, in Markdown.

import { markdownTable } from "markdown-table";
import { FLOORS, floorOf, judgedFigure, PROTOTYPE_ENTRIES_PER_SECOND, verdictOf } from "./floors.ts";
import type { Conditions, FigureName, Figures, Report, Result } from "./result.ts";

/** Figures that have a column of their own in the table of calls, and their heads. */
const COLUMNS: readonly (readonly [name: FigureName, head: string])[] = [
  ["callsPerSecond", "calls/s"],
  ["entriesPerSecond", "entries/s"],
  ["p50Ms", "p50 ms"],
  ["p95Ms", "p95 ms"],
  ["p99Ms", "p99 ms"],
  ["cpuUsPerCall", "CPU µs/call"],
  ["cpuShare", "CPUs busy"],
  ["ofCommits", "of commits"],
];

/** Units of the figures that a floor may be about. */
const UNITS: Partial<Record<FigureName, string>> = {
  cpuUsPerCall: "CPU µs/call",
  cpuMsPer1000Entries: "CPU ms/1000 entries",
  ofCommits: "of commits",
  firstReadSeconds: "s",
  anonymousMb: "MB",
  diskBytesPerEntry: "bytes",
};

export function tables({ conditions, results }: Report): string {
  const hashes = results.map(({ figures }) => figures.hashUs).filter((value) => value !== undefined);
  const calls = results.filter(({ figures }) => figures.callsPerSecond !== undefined);
  const others = results.filter(({ figures, notBuilt }) => figures.callsPerSecond === undefined && !notBuilt);
  const notBuilt = results.filter((result) => result.notBuilt).map(({ workload }) => workload);
  return [
    ...describe(conditions),
    ...(hashes.length > 0 ? [`A SHA-256 of 65 bytes took ${digits(median(hashes))} CPU µs meanwhile.`] : []),
    ...(calls.length > 0 ? ["", callTable(calls)] : []),
    ...(others.length > 0 ? ["", otherTable(others)] : []),
    ...(notBuilt.length > 0 ? ["", `Not built: ${notBuilt.join(", ")}.`] : []),
  ].join("\n");
}

function describe(conditions: Conditions): string[] {
  const { date, node, processors, loadAverage, server, client, secondsPerWorkload } = conditions;
  return [
    `${date}, Node ${node}, ${processors}; load average ${loadAverage.before.toFixed(1)} before, ${loadAverage.after.toFixed(1)} after.`,
    `Server: ${server}. Client: ${client}. ${secondsPerWorkload} s for each row of calls.`,
  ];
}

function callTable(results: readonly Result[]): string {
  const used = COLUMNS.filter(([name]) => results.some(({ figures }) => figures[name] !== undefined));
  const heads = ["call", "in flight", ...used.map(([, head]) => head), "floor", ""];
  const rows = results.map((result) => [
    result.workload,
    String(result.inFlight),
    ...used.map(([name]) => digits(result.figures[name])),
    ...judged(result),
  ]);
  return markdownTable([heads, ...rows], { align: ["l", ...heads.slice(1, -2).map(() => "r"), "l", "l"] });
}

function otherTable(results: readonly Result[]): string {
  const rows = results.map((result) => [result.workload, spelledOut(result.figures), ...judged(result)]);
  return markdownTable([["what", "figures", "floor", ""], ...rows]);
}

/** What has a floor, in two reports: before, and now with its verdict. */
export function floorsTable(before: Report, now: Report): string {
  const rows = FLOORS.map((judgedBy) => {
    const { workload, inFlight, figure, bound, floor, aim } = judgedBy;
    const [old, found] = [before, now].map(({ results }) =>
      results.find((result) => result.workload === workload && result.inFlight === inFlight),
    );
    return [
      inFlight === 0 ? workload : `${workload}, ${inFlight} in flight`,
      UNITS[figure] ?? "",
      digits(old && judgedFigure(old, judgedBy)),
      digits(found && judgedFigure(found, judgedBy)),
      `${bound === "at most" ? "≤" : "≥"} ${floor}`,
      String(aim),
      (found && verdictOf(found)) ?? "",
    ];
  });
  const heads = ["what", "unit", "before", "now", "floor", "aim", ""];
  return markdownTable([heads, ...rows], { align: ["l", "l", "r", "r", "r", "r", "l"] });
}

function judged(result: Result): string[] {
  const floor = floorOf(result);
  if (floor === undefined) return ["", ""];
  const found = judgedFigure(result, floor);
  const bound = floor.bound === "at most" ? "≤" : "≥";
  const prototype = PROTOTYPE_ENTRIES_PER_SECOND[result.workload];
  const beside = prototype === undefined ? "" : `; prototype ${prototype} entries/s`;
  return [
    `${digits(found)}: ${bound} ${floor.floor}, aim ${floor.aim} ${UNITS[floor.figure] ?? ""}${beside}`,
    verdictOf(result) ?? "",
  ];
}

function spelledOut(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${digits(value)}`)
    .join(", ");
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Three digits that count. */
export function digits(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}
