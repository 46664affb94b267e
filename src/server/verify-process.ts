// A verification in a child process, seen from its parent.
//
//   parent ── task ──▶ child ── progress, finding, … , report ──▶ parent
//                        └── dies by a signal: the engine met a page that it could not read. What was found until then is
//                            reported with that
//
// A reader of LMDB that dies keeps its place among the readers, and with it the pages of its snapshot; a second child then
// opens and closes the environments, which frees the place.

import { type ChildProcess, fork } from "node:child_process";
import { on, once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Coverage, Finding, VerifyProgress, VerifyReport, VerifyStep } from "../database/verification.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import { programBeside } from "../store/program.ts";
import type { VerifyJob } from "../store/verify-database.ts";
import { Findings } from "../store/verify-report.ts";
import type { KnownDatabase } from "./verify-server-files.ts";

export type VerifyTask =
  | { readonly kind: "database"; readonly job: VerifyJob }
  /** What a server keeps beside its databases. */
  | { readonly kind: "server"; readonly directory: string }
  | { readonly kind: "release"; readonly directories: readonly string[] };

export type ToChild = VerifyTask | { readonly kind: "stop" };

export type FromChild =
  | { readonly kind: "progress"; readonly progress: VerifyProgress; readonly covered: Coverage }
  | { readonly kind: "finding"; readonly finding: Finding }
  /** `databases`: those of the data directory, when it was asked for. */
  | { readonly kind: "report"; readonly report: VerifyReport; readonly databases: readonly KnownDatabase[] }
  | { readonly kind: "failed"; readonly message: string };

type ToldProgress = Extract<FromChild, { kind: "progress" }>;

export type ChildStep = Exclude<FromChild, { kind: "finding" } | { kind: "failed" }>;

const PROGRAM = programBeside(import.meta.url, "verify-child");
const STOP_MS = 2000;
const SAID_MAX = 2000;
/** Signals by which the system, or the engine itself, ends a process that read what it should not. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP"];

/** Verifies a database. The last step is a report. */
export async function* verifyInChild(job: VerifyJob, signal: AbortSignal): AsyncGenerator<VerifyStep> {
  yield* runTask({ kind: "database", job }, job.database, signal);
}

/** Runs a task that ends with a report. `name`: what the report of a child that died is called. */
export async function* runTask(task: VerifyTask, name: string, signal: AbortSignal): AsyncGenerator<ChildStep> {
  signal.throwIfAborted();
  const child = new VerifyChild(task);
  const findings = new Findings();
  let last: ToldProgress | undefined;
  try {
    for await (const message of child.messages(signal)) {
      if (message.kind === "failed") throw new Error(message.message);
      if (message.kind === "finding") {
        findings.list.push(message.finding);
        continue;
      }
      if (message.kind === "progress") last = message;
      yield message;
      if (message.kind === "report") return;
    }
    yield { kind: "report", report: diedReport(name, findings, last, await child.death()), databases: [] };
  } finally {
    await child.stop();
  }
}

function diedReport(
  database: string,
  findings: Findings,
  last: ToldProgress | undefined,
  { signal, said }: Death,
): VerifyReport {
  const why = said === "" ? "" : ` (${said})`;
  findings.list.push({
    class: "engine",
    what: `the engine could not read a page: the process that read ended by ${signal}${why}`,
  });
  const { done, total, stage } = last?.progress ?? { done: 0, total: 0, stage: "log" };
  return {
    database,
    txId: 0n,
    alh: ZERO_DIGEST,
    covered: last?.covered ?? findings.covered,
    notCovered: [`what comes after ${done} of ${total} (${stage}): the engine could not read it`],
    findings: findings.list,
    findingCount: findings.list.length,
  };
}

interface Death {
  readonly signal: NodeJS.Signals;
  /** What it said last. */
  readonly said: string;
}

class VerifyChild {
  readonly #task: VerifyTask;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = "";

  constructor(task: VerifyTask) {
    this.#task = task;
    this.#process = fork(PROGRAM, {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#ended = once(this.#process, "close").catch(() => undefined);
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-SAID_MAX);
    });
    this.#process.send(task);
  }

  /** What the child tells, until it disconnects. */
  async *messages(signal: AbortSignal): AsyncGenerator<FromChild> {
    for await (const [message] of on(this.#process, "message", { signal, close: ["disconnect"] })) {
      yield message as FromChild;
    }
  }

  /** How the child died. Throws unless it was by what it read. */
  async death(): Promise<Death> {
    await this.#ended;
    const { signalCode, exitCode } = this.#process;
    const said = this.#said.trim();
    if (signalCode !== null && CRASHES.includes(signalCode) && !said.includes("heap out of memory"))
      return { signal: signalCode, said };
    throw new Error(`the verification ended without a report: ${signalCode ?? exitCode}\n${said}`);
  }

  /** Ends the child, if it has not ended, and frees what a dead one holds. */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.send({ kind: "stop" } satisfies ToChild, () => undefined);
    const late = new AbortController();
    const patience = sleep(STOP_MS, undefined, { signal: late.signal }).then(
      () => this.#process.kill("SIGKILL"),
      () => undefined,
    );
    await this.#ended;
    late.abort();
    await patience;
    if (this.#process.signalCode !== null && this.#task.kind === "database" && this.#task.job.live)
      await releaseReaders(this.#task.job.directory);
  }
}

/** Opening may end in the same way as reading did. */
async function releaseReaders(directory: string): Promise<void> {
  const child = new VerifyChild({
    kind: "release",
    directories: ["log", "index"].map((name) => join(directory, name)),
  });
  await child.stop();
}
