// `npm run bench:profile -- --workload get`: where the server's time goes while it serves one workload: its functions by the
// time spent in themselves, and the same by folder. The server runs with V8's sampling profiler; only samples that fall into
// the load are counted, and time in which nothing ran is left out. `--callers NAME` says who called a function of that name.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { markdownTable } from "markdown-table";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { Cell } from "./cell.ts";
import { prepare } from "./ground.ts";
import { mainThreadMs } from "./process-usage.ts";
import { digits } from "./report.ts";
import { startSubject } from "./subject.ts";
import { READS } from "./workloads/reads.ts";
import { inFlight } from "./workloads/workload.ts";
import { BULK, WRITES } from "./workloads/writes.ts";

const INTERVAL_US = 200;

/** The parts of V8's format that are used (Chrome DevTools protocol, Profiler.Profile). */
interface Profile {
  readonly nodes: readonly Node[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Node {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

const { values: flags } = parseArgs({
  options: {
    workload: { type: "string", default: "get" },
    "in-flight": { type: "string" },
    seconds: { type: "string", default: "5" },
    program: { type: "string" },
    "server-flags": { type: "string", default: "" },
    top: { type: "string", default: "25" },
    callers: { type: "string" },
    raw: { type: "string" },
  },
});

useNodeSha256();
console.log(await profiled(flags.workload));

async function profiled(name: string): Promise<string> {
  const workload = [...READS, ...WRITES, ...BULK].find((each) => each.name === name);
  if (workload === undefined) throw new Error(`no such workload: ${name}`);
  const shape = workload.shapes.find((each) => inFlight(each) === Number(flags["in-flight"])) ?? workload.shapes.at(-1);
  if (shape === undefined) throw new Error("a workload without a shape");
  const directory = await mkdtemp(join(tmpdir(), "bench-profile-"));
  try {
    const options = `--cpu-prof --cpu-prof-dir=${directory} --cpu-prof-interval=${INTERVAL_US}`;
    const serverFlags = flags["server-flags"].split(" ").filter((flag) => flag !== "");
    const subject = await startSubject({ program: flags.program, flags: serverFlags, env: { NODE_OPTIONS: options } });
    const cell = new Cell(subject, await prepare(subject.address, workload.isWrite ? "few" : "all"), workload, shape);
    await cell.warmUp(2000);
    const fromUs = monotonicUs();
    const mainBefore = mainThreadMs(subject.pid) ?? Number.NaN;
    await cell.turn(Number(flags.seconds) * 1000);
    const toUs = monotonicUs();
    const { figures, calls } = cell.result();
    const mainUs = (((mainThreadMs(subject.pid) ?? Number.NaN) - mainBefore) * 1000) / calls;
    await subject.stop();
    const profile = await latestProfile(directory, subject.pid);
    const { callsPerSecond, cpuUsPerCall } = figures;
    return [
      `${name}, ${cell.inFlight} in flight, profiled: ${digits(callsPerSecond)} calls/s, ${digits(cpuUsPerCall)} CPU µs per call with the profiler on, ${digits(mainUs)} of them by JavaScript's thread.`,
      "",
      ...summary(profile, fromUs, toUs),
    ].join("\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The program replaces itself once when it starts, and both leave a profile: the later one counts. */
async function latestProfile(directory: string, pid: number | undefined): Promise<Profile> {
  const files = (await readdir(directory)).filter((file) => file.includes(`.${pid}.`));
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  const profiles = texts.map((text): Profile => JSON.parse(text));
  const latest = profiles.toSorted((a, b) => a.startTime - b.startTime).at(-1);
  if (latest === undefined) throw new Error("the server left no profile");
  if (flags.raw !== undefined) await writeFile(flags.raw, texts[profiles.indexOf(latest)] as string);
  return latest;
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function summary(profile: Profile, fromUs: number, toUs: number): string[] {
  const byFunction = new Map<string, number>();
  const byPlace = new Map<string, number>();
  const byCaller = new Map<string, number>();
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const callers = new Map(
    profile.nodes.flatMap(({ callFrame, children = [] }) => children.map((child) => [child, callFrame] as const)),
  );
  let total = 0;
  let at = profile.startTime;
  profile.samples.forEach((id, i) => {
    at += profile.timeDeltas[i] ?? 0;
    const frame = frames.get(id);
    if (at < fromUs || at > toUs || frame === undefined) return;
    if (frame.functionName === "(idle)") return;
    const us = profile.timeDeltas[i + 1] ?? 0;
    total += us;
    add(byFunction, nameOf(frame), us);
    add(byPlace, placeOf(frame), us);
    const caller = callers.get(id);
    if (frame.functionName === flags.callers && caller !== undefined) add(byCaller, nameOf(caller), us);
  });
  const table = (head: string, times: Map<string, number>, rows: number): string => {
    const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, rows);
    const cells = sorted.map(([name, us]) => [name, `${((us / total) * 100).toFixed(1)} %`]);
    return markdownTable([[head, "self"], ...cells], { align: ["l", "r"] });
  };
  return [
    table("place", byPlace, 15),
    "",
    table("function", byFunction, Number(flags.top)),
    ...(flags.callers === undefined ? [] : ["", table(`who calls ${flags.callers}`, byCaller, 10)]),
  ];
}

function add(times: Map<string, number>, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us);
}

function nameOf(frame: CallFrame): string {
  return `${frame.functionName || "(anonymous)"} ${where(frame)}`;
}

function where({ url, lineNumber }: CallFrame): string {
  return url === "" ? "" : `${fileOf(url)}:${lineNumber + 1}`;
}

function fileOf(url: string): string {
  return url.replace(/^.*node_modules\//, "").replace(/^file:.*?\/(?=(src|gen|dist)\/)/, "");
}

/** A room of the sources, a package, a module of Node, or what V8 calls its own work. */
function placeOf({ url, functionName }: CallFrame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "native";
  if (url.startsWith("node:")) return url;
  return fileOf(url)
    .split("/")
    .slice(0, url.includes("node_modules") && !fileOf(url).startsWith("@") ? 1 : 2)
    .join("/");
}
