// The n-th write or sync fails, for n = 1, 2, 3 … through opening, commits, index batches, truncation, closing and opening
// again. strace makes the kernel answer EIO or ENOSPC without having done it. It counts each call of each thread by itself;
// what matters is done by two threads (JavaScript's, and with a pool of one LMDB's and Node's files).
//
//   run once, counting ──▶ for every call and n: [ run with its n-th failing ──▶ judge without faults ]

import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { judgeStore } from "../support/store-judge.ts";
import { StoreRun } from "../support/store-run.ts";
import { type Fault, type FaultOptions, type Outcome, Tally, Unavailable } from "./outcome.ts";

/** Calls that put something on disk, or into its place there. */
const CALLS = ["pwrite64", "pwritev", "writev", "fdatasync", "fsync", "ftruncate", "rename"];
/** Of the calls that fail, strace writes down this. */
const INJECTED = /^\d+\s+(\w+)\((.*)\) += -1 \w+ .*\(INJECTED\)/gm;
const SAMPLED = 3;
const VALUE_BYTES = 300;

type Errno = "EIO" | "ENOSPC";

interface Kind {
  readonly errno: Errno;
  readonly valuesInSegments: boolean;
  /** The bytes of values are written with `write`, which everything else uses too: only on their files. */
  readonly segmentWrites?: boolean;
}

const KINDS: readonly Kind[] = [
  { errno: "EIO", valuesInSegments: false },
  { errno: "EIO", valuesInSegments: true },
  { errno: "ENOSPC", valuesInSegments: false },
  { errno: "ENOSPC", valuesInSegments: true },
  { errno: "EIO", valuesInSegments: true, segmentWrites: true },
  { errno: "ENOSPC", valuesInSegments: true, segmentWrites: true },
];

export const failingCalls: Fault = {
  name: "failing-calls",
  async run(options) {
    if (spawnSync("strace", ["-V"]).error !== undefined) throw new Unavailable("no strace on the PATH", "installable");
    const outcomes: Outcome[] = [];
    for (const kind of KINDS) outcomes.push(await runKind(kind, options));
    return outcomes;
  },
};

interface NthCall {
  readonly call: string;
  readonly n: number;
}

interface Traced {
  readonly how: string;
  readonly trace: string;
  readonly errors: string;
  readonly run: StoreRun;
}

async function runKind(kind: Kind, { extent }: FaultOptions): Promise<Outcome> {
  const { errno, valuesInSegments, segmentWrites = false } = kind;
  const all = await inDirectory(async (directory) => {
    const { how, trace } = await traced(directory, kind, []);
    if (how !== "exit code 0") throw new Error(`without faults the writer ended with ${how}`);
    return nthCalls(trace);
  });
  const round = new Round(kind);
  for (const call of extent === "all" ? all : sample(all, kind))
    await inDirectory((directory) => round.run(directory, call));
  return round.tally.outcome(
    `${errno} in the n-th ${segmentWrites ? "write of a value" : "write, sync or rename"}`,
    `strace, n = 1 … of ${all.length}${valuesInSegments ? ", values in segments" : ""}`,
    round.remarks(),
  );
}

/** The runs of one kind. */
class Round {
  readonly tally: Tally = new Tally();
  readonly #kind: Kind;
  /** How often a call failed, by call and file. */
  readonly #hit = new Map<string, number>();
  #ended = 0;
  #missed = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  async run(directory: string, { call, n }: NthCall): Promise<void> {
    const { errno, valuesInSegments } = this.#kind;
    const { how, trace, errors, run } = await traced(directory, this.#kind, [
      `--inject=${call}:error=${errno}:when=${n}`,
    ]);
    const failed = [...trace.matchAll(INJECTED)].map(
      ([, name, args]) => `${name} ${fileOf(args as string, directory)}`,
    );
    for (const hit of failed) this.#hit.set(hit, (this.#hit.get(hit) ?? 0) + 1);
    const name = `${errno} in ${call} ${n} (${failed.join(", ")})${valuesInSegments ? ", values in segments" : ""}`;
    // Index batches come together now and then, and then there are fewer calls.
    if (failed.length === 0) this.#missed++;
    // LMDB may end the process, by a signal; nothing else does, and nothing keeps it from an end.
    if (how.startsWith("SIG")) this.#ended++;
    if (how === "SIGKILL") this.tally.findings.push(`${name}: it did not end`);
    if (how.startsWith("exit code") && how !== "exit code 0") this.tally.findings.push(`${name}: ${how}\n${errors}`);
    try {
      const place = { directory, valuesInSegments, valueBytes: VALUE_BYTES };
      this.tally.add(name, await judgeStore(place, run.reports));
    } catch (error) {
      this.tally.failed(`${name}\n${errors}`, error);
    }
  }

  remarks(): string {
    const hits = [...this.#hit].map(([call, times]) => `${call} ${times}`).sort();
    return `${this.#ended} processes ended by LMDB; ${this.#missed} calls not reached; failed: ${hits.join(", ")}`;
  }
}

/** Some of all: the sample differs from kind to kind, so that together they reach everywhere. */
function sample(all: readonly NthCall[], kind: Kind): NthCall[] {
  const shift = (KINDS.indexOf(kind) + 1) / (KINDS.length + 1);
  return Array.from({ length: SAMPLED }, (_, i) => all[Math.floor(((i + shift) * all.length) / SAMPLED)] as NthCall);
}

async function traced(
  directory: string,
  { valuesInSegments, segmentWrites = false }: Kind,
  what: string[],
): Promise<Traced> {
  const output = join(directory, "trace");
  const calls = segmentWrites ? ["write"] : CALLS;
  const database = directory;
  const paths = segmentWrites ? segmentFiles(database).flatMap((path) => ["-P", path]) : [];
  const under = ["strace", "-f", "-y", "--seccomp-bpf", "-o", output, ...paths, `--trace=${calls.join(",")}`, ...what];
  const plan = { directory, script: "tour", first: 1, valuesInSegments, valueBytes: VALUE_BYTES } as const;
  const run = new StoreRun(plan, { under, env: { UV_THREADPOOL_SIZE: "1" } });
  const how = await run.ended;
  return { how, run, errors: run.errors, trace: await readFile(output, "utf8") };
}

/** The segments that a tour writes to: the first one, and what a truncation before one of its transactions leaves. */
function segmentFiles(directory: string): string[] {
  return Array.from({ length: 12 }, (_, i) => {
    const name = `${(i + 1).toString(16).padStart(16, "0")}.seg`;
    return [join(directory, "values", name), join(directory, "values", `${name}.unfinished`)];
  }).flat();
}

/** Every call, up to the most times that one thread made it. */
function nthCalls(trace: string): NthCall[] {
  const times = new Map<string, number>();
  const most = new Map<string, number>();
  for (const [thread, call] of trace.matchAll(/^\d+\s+(\w+)\(/gm) as Iterable<[string, string]>) {
    const count = (times.get(thread) ?? 0) + 1;
    times.set(thread, count);
    most.set(call, Math.max(most.get(call) ?? 0, count));
  }
  return [...most].flatMap(([call, count]) => Array.from({ length: count }, (_, i) => ({ call, n: i + 1 })));
}

/** What of a database the call was about: strace writes down the file of a descriptor, or the names that a call was given. */
function fileOf(args: string, directory: string): string {
  const path = (/<([^>]*)>/.exec(args) ?? /"([^"]*)"/.exec(args))?.[1] ?? args;
  const name = relative(directory, path).replace(/[0-9a-f]{16}/, "*");
  if (name.includes(".lock.")) return "the lock";
  return name === "" ? "the directory" : name;
}

async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "failing-calls-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
