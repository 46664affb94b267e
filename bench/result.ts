// What a run of the benchmark says, as it is written to files and compared: for each workload a handful of named figures.

/** Figures by name; their unit is part of it. A figure that could not be had is absent. */
export interface Figures {
  readonly callsPerSecond?: number;
  readonly entriesPerSecond?: number;
  /** From sending a request to having its answer, in the load process. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
  /** User and system time of the server process. */
  readonly cpuUsPerCall?: number;
  readonly cpuMsPer1000Entries?: number;
  /** How busy the server kept processors: 1 is one of them all the time. */
  readonly cpuShare?: number;
  /** The same of the load process, to see whether it was the limit. */
  readonly loadCpuUsPerCall?: number;
  /** What the same small piece of work cost at that time: bench/yardstick.ts. */
  readonly hashUs?: number;
  /** Durable commits of two small records, by as many waiting writers, in the same run. */
  readonly commitsPerSecond?: number;
  readonly ofCommits?: number;
  /** After the last call: until the server had nothing left to do (its index has caught up). */
  readonly settleMs?: number;
  /** Memory that is the server's own, and all of it with mapped files. */
  readonly anonymousMb?: number;
  readonly residentMb?: number;
  /** Growth of the data directory. */
  readonly diskBytesPerEntry?: number;
  readonly servingSeconds?: number;
  readonly firstReadSeconds?: number;
  readonly startCpuSeconds?: number;
}

export type FigureName = keyof Figures;

export interface Result {
  readonly workload: string;
  /** Calls under way at any time; 0 where that means nothing. */
  readonly inFlight: number;
  readonly figures: Figures;
  /** The same of each turn, for the spread. */
  readonly turns: readonly Figures[];
  readonly calls: number;
  /** How many answers were looked at, and proven where there is a proof. */
  readonly checked: number;
  /** Set instead of figures when the server does not offer the call. */
  readonly notBuilt?: boolean;
}

/** Under what the figures were taken. */
export interface Conditions {
  readonly date: string;
  readonly node: string;
  readonly processors: string;
  readonly loadAverage: { readonly before: number; readonly after: number };
  /** What ran as the server, and its flags. */
  readonly server: string;
  readonly client: "own" | "h2load";
  readonly secondsPerWorkload: number;
}

/** Memory of the server over time, while and after a million keys came in. */
export interface MemorySample {
  readonly seconds: number;
  readonly phase: string;
  readonly anonymousMb: number;
  readonly residentMb: number;
}

export interface Report {
  readonly conditions: Conditions;
  readonly results: readonly Result[];
  readonly memory: readonly MemorySample[];
}
