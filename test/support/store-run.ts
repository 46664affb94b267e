// Runs store-writer.ts as a process of its own: starts it (under another program, when asked), reads what it says, kills it.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Phase, Report, WriterPlan } from "./store-writer.ts";

const PROGRAM = fileURLToPath(new URL("./store-writer.ts", import.meta.url));
const RUN_MS_MAX = 60_000;

export interface RunOptions {
  /** A program and its arguments that run the writer: strace and what it should do. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class StoreRun {
  /** What it has said so far, in order. */
  readonly reports: Report[] = [];
  /** What it printed on its error output. */
  errors = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #isOver = false;
  #waiting: { readonly ready: (report: Report) => boolean; readonly resolve: (happened: boolean) => void }[] = [];

  constructor(plan: WriterPlan, { under = [], env = {} }: RunOptions = {}) {
    const [program, ...args] = [...under, process.execPath, PROGRAM, JSON.stringify(plan)];
    const child = spawn(program ?? process.execPath, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    // Input of one that is gone goes nowhere.
    child.stdin.on("error", () => undefined);
    child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk;
    });
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => this.#hear(JSON.parse(line)));
    const tooLong = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
    tooLong.unref();
    const killWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", killWithUs);
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.#ended.then(() => {
      clearTimeout(tooLong);
      process.off("exit", killWithUs);
      this.#isOver = true;
      for (const { resolve } of this.#waiting.splice(0)) resolve(false);
    });
  }

  /** Process id of what was started; undefined when it could not be. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended: "exit code N" or the name of a signal. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** Resolves with the first report from now on for which `ready` holds; false: the run ended before. */
  until(ready: (report: Report) => boolean): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push({ ready, resolve }));
  }

  /** Ends its loop, and waits for the end of the process. */
  async stop(): Promise<string> {
    this.#child.stdin?.end();
    return this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Kills it `delayMs` after it entered a phase for the n-th time. Resolves with the phases that the kill fell into. */
  async killDuring(phase: Phase, nth: number, delayMs: number): Promise<readonly Phase[]> {
    let entered = 0;
    const inTime = await this.until((report) => report.say === "enter" && report.phase === phase && ++entered === nth);
    if (inTime && delayMs >= 1) await sleep(delayMs);
    await this.kill();
    return phasesUnderWay(this.reports);
  }

  #hear(report: Report): void {
    this.reports.push(report);
    const heard = this.#waiting.filter(({ ready }) => ready(report));
    this.#waiting = this.#waiting.filter((waiting) => !heard.includes(waiting));
    for (const { resolve } of heard) resolve(true);
  }
}

/** Phases that were entered and not left. */
export function phasesUnderWay(reports: readonly Report[]): Phase[] {
  const depth = new Map<Phase, number>();
  for (const report of reports) {
    if (report.say === "enter") depth.set(report.phase, (depth.get(report.phase) ?? 0) + 1);
    else if (report.say === "leave") depth.set(report.phase, (depth.get(report.phase) ?? 0) - 1);
  }
  return [...depth].filter(([, count]) => count > 0).map(([phase]) => phase);
}
