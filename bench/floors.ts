// What the figures are held to: the original server's, measured on a machine like this one, times a factor. The original is
// not here, so its factors are expressed in what carries over between machines and moments: processor time per call with
// all checks on, and the rate of durable commits of the same run.

import type { FigureName, Result } from "./result.ts";

export interface Floor {
  readonly workload: string;
  readonly inFlight: number;
  readonly figure: FigureName;
  readonly bound: "at most" | "at least";
  readonly floor: number;
  readonly aim: number;
}

export type Verdict = "aim met" | "floor met" | "missed" | "not comparable";

const atMost = (workload: string, inFlight: number, figure: FigureName, floor: number, aim: number): Floor => ({
  workload,
  inFlight,
  figure,
  bound: "at most",
  floor,
  aim,
});
const atLeast = (workload: string, inFlight: number, figure: FigureName, floor: number, aim: number): Floor => ({
  ...atMost(workload, inFlight, figure, floor, aim),
  bound: "at least",
});

// Where only the factors of an aim are known, the aim is the floor times the quotient of the two factors.
// Bulk loads: processor time of a prototype whose ratio to the original was measured, times that ratio, through the factor.
export const FLOORS: readonly Floor[] = [
  atMost("null", 28, "cpuUsPerCall", 7, 4),
  atMost("get", 28, "cpuUsPerCall", 12, 7),
  atMost("get", 1, "cpuUsPerCall", 48, 42),
  atMost("verifiableGet of 10", 28, "cpuUsPerCall", 44, 28),
  atMost("verifiableGet of 1000", 28, "cpuUsPerCall", 560, 168),
  atMost("scan 100", 28, "cpuUsPerCall", 270, 216),
  atMost("getAll 100", 28, "cpuUsPerCall", 185, 148),
  atMost("history 50", 28, "cpuUsPerCall", 87, 52),
  atMost("JSON get", 16, "cpuUsPerCall", 52, 33),
  atLeast("set", 1, "ofCommits", 0.32, 0.48),
  atLeast("set", 28, "ofCommits", 0.19, 0.33),
  atLeast("verifiableSet", 1, "ofCommits", 0.32, 0.48),
  atLeast("verifiableSet", 28, "ofCommits", 0.19, 0.33),
  atMost("setAll 100 random", 16, "cpuMsPer1000Entries", 15.3, 11),
  atMost("setAll 1000 random", 8, "cpuMsPer1000Entries", 12.9, 6.4),
  atMost("setAll 1000 in order", 8, "cpuMsPer1000Entries", 6.9, 5.1),
  atMost("restart after a stop", 0, "firstReadSeconds", 0.5, 0.3),
  atMost("restart after a kill", 0, "firstReadSeconds", 0.5, 0.3),
  atMost("memory idle", 0, "anonymousMb", 250, 150),
  atMost("memory loaded", 0, "anonymousMb", 700, 400),
  atMost("disk, transactions of 1", 0, "diskBytesPerEntry", 750, 450),
  atMost("disk, transactions of 1000", 0, "diskBytesPerEntry", 330, 250),
];

/** The rates of bulk loads of the prototype, to be read beside ours. */
export const PROTOTYPE_ENTRIES_PER_SECOND: Readonly<Record<string, number>> = {
  "setAll 100 random": 108_800,
  "setAll 1000 random": 165_500,
  "setAll 1000 in order": 206_500,
};

export function floorOf({ workload, inFlight }: Result): Floor | undefined {
  return FLOORS.find((floor) => floor.workload === workload && floor.inFlight === inFlight);
}

/**
 * What is judged: of processor time per call, that of the turn that was disturbed least, since other work on the machine only
 * ever adds to it; of everything else, the figure of the whole.
 */
export function judgedFigure({ figures, turns }: Result, { figure }: Floor): number | undefined {
  if (figure !== "cpuUsPerCall") return figures[figure];
  const values = turns.map((turn) => turn[figure]).filter((value) => value !== undefined);
  return values.length === 0 ? figures[figure] : Math.min(...values);
}

/** Undefined where there is no floor. */
export function verdictOf(result: Result): Verdict | undefined {
  const floor = floorOf(result);
  if (floor === undefined) return undefined;
  const figure = judgedFigure(result, floor);
  if (figure === undefined) return "not comparable";
  const reaches = (wanted: number): boolean => (floor.bound === "at most" ? figure <= wanted : figure >= wanted);
  return reaches(floor.aim) ? "aim met" : reaches(floor.floor) ? "floor met" : "missed";
}
