// One workload with so many calls under way, against one server: its turns, and what they came to. Connections last for a
// turn: servers close what idles while others have theirs.

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { CommitProbe } from "./commit-probe.ts";
import type { Ground } from "./ground.ts";
import type { Connection, Door } from "./load/connection.ts";
import { GrpcConnection } from "./load/grpc-connection.ts";
import { runH2load } from "./load/h2load.ts";
import { JsonConnection } from "./load/json-connection.ts";
import { emptyLap, type Lane, type Lap, runLoad } from "./load/run-load.ts";
import { cpuMs, memoryOf, settled } from "./process-usage.ts";
import type { Figures, Result } from "./result.ts";
import type { Subject } from "./subject.ts";
import { inFlight, pathOf, type Shape, type Workload } from "./workloads/workload.ts";
import { hashUs } from "./yardstick.ts";

/** One turn: what was measured in it. */
interface Turn {
  readonly lap: Lap;
  readonly serverCpuMs: number | undefined;
  readonly loadCpuMs: number;
  readonly hashUs: number;
  readonly commitsPerSecond?: number;
  readonly settleMs?: number | undefined;
  readonly diskBytes?: number | undefined;
}

/** Which program makes the calls. h2load does so for reads over gRPC, the others are left to our own. */
export type Client = "own" | "h2load";

export class Cell {
  readonly workload: Workload;
  readonly inFlight: number;
  readonly #subject: Subject;
  readonly #door: Door;
  readonly #shape: Shape;
  readonly #client: Client;
  readonly #lanes: readonly Lane[];
  readonly #turns: Turn[] = [];

  constructor(subject: Subject, ground: Ground, workload: Workload, shape: Shape, client: Client = "own") {
    this.workload = workload;
    this.inFlight = inFlight(shape);
    this.#subject = subject;
    const sessionId = workload.name === "null" ? undefined : ground.sessionId;
    this.#door = { address: subject.address, path: pathOf(workload), sessionId };
    this.#shape = shape;
    this.#client = client;
    this.#lanes = Array.from({ length: this.inFlight }, (_, number) => workload.lane(ground, number));
  }

  async warmUp(forMs: number): Promise<void> {
    await this.#connected((connections) => this.#load(connections, forMs));
  }

  /** With a probe, its turn comes first: as many writers, for as long. */
  async turn(forMs: number, probe?: CommitProbe): Promise<void> {
    const commitsPerSecond = await probe?.run(this.inFlight, forMs);
    const turn = await this.#measured(forMs, async () => ({}));
    this.#turns.push({ ...turn, ...(commitsPerSecond !== undefined && { commitsPerSecond }) });
  }

  /** A turn that ends when the server has nothing left to do, with what the directory has grown by then. */
  async turnToTheEnd(forMs: number): Promise<void> {
    const before = await this.#subject.diskBytes();
    const turn = await this.#measured(forMs, async () => ({ settleMs: await settled(this.#subject.pid) }));
    this.#turns.push({ ...turn, diskBytes: difference(await this.#subject.diskBytes(), before) });
  }

  /** `after`: what the server's time is counted for too. */
  async #measured(forMs: number, after: () => Promise<Partial<Turn>>): Promise<Turn> {
    const { pid } = this.#subject;
    return this.#connected(async (connections) => {
      const hashBefore = hashUs();
      const serverBefore = cpuMs(pid);
      const loadBefore = process.cpuUsage();
      const lap = await this.#load(connections, forMs);
      const { user, system } = process.cpuUsage(loadBefore);
      const more = await after();
      return {
        lap,
        serverCpuMs: difference(cpuMs(pid), serverBefore),
        loadCpuMs: (user + system) / 1000,
        hashUs: (hashBefore + hashUs()) / 2,
        ...more,
      };
    });
  }

  result(): Result {
    const { name, entries } = this.workload;
    const all = createHistogram();
    for (const { lap } of this.#turns) all.add(lap.times);
    const calls = sum(this.#turns, ({ lap }) => lap.calls);
    const whole: Turn = {
      lap: { calls, checked: 0, seconds: sum(this.#turns, ({ lap }) => lap.seconds), times: all },
      ...sumsOf(this.#turns),
    };
    return {
      workload: name,
      inFlight: this.inFlight,
      figures: { ...figuresOf(whole, entries), ...memoryOf(this.#subject.pid) },
      turns: this.#turns.map((turn) => figuresOf(turn, entries)),
      calls,
      checked: sum(this.#turns, ({ lap }) => lap.checked),
    };
  }

  async #connected<T>(work: (connections: readonly Connection[]) => Promise<T>): Promise<T> {
    const connect = (): Promise<Connection> =>
      this.workload.door === "json" ? JsonConnection.open(this.#door) : GrpcConnection.open(this.#door);
    const connections = await Promise.all(Array.from({ length: this.#shape.connections }, connect));
    try {
      return await work(connections);
    } finally {
      for (const connection of connections) connection.close();
    }
  }

  #load(connections: readonly Connection[], forMs: number): Promise<Lap> {
    const { checkEvery, door, isWrite } = this.workload;
    const [lane] = this.#lanes;
    if (this.#client === "h2load" && door === "grpc" && !isWrite && lane !== undefined)
      return runH2load({ ...this.#shape, door: this.#door, lane, forMs });
    return runLoad({ connections, lanes: this.#lanes, checkEvery, forMs }, emptyLap());
  }
}

function figuresOf(turn: Turn, entries: number): Figures {
  const { lap, serverCpuMs, loadCpuMs, commitsPerSecond, settleMs, diskBytes } = turn;
  const { calls, seconds, times } = lap;
  const callsPerSecond = calls / seconds;
  return {
    callsPerSecond,
    ...(entries > 1 && { entriesPerSecond: callsPerSecond * entries }),
    ...percentiles(times),
    ...(serverCpuMs !== undefined && {
      cpuUsPerCall: (serverCpuMs * 1000) / calls,
      cpuShare: serverCpuMs / 1000 / seconds,
      ...(entries > 1 && { cpuMsPer1000Entries: (serverCpuMs * 1000) / (calls * entries) }),
    }),
    loadCpuUsPerCall: (loadCpuMs * 1000) / calls,
    hashUs: turn.hashUs,
    ...(commitsPerSecond !== undefined && { commitsPerSecond, ofCommits: callsPerSecond / commitsPerSecond }),
    ...(settleMs !== undefined && { settleMs }),
    ...(diskBytes !== undefined && { diskBytesPerEntry: diskBytes / (calls * entries) }),
  };
}

function percentiles(times: RecordableHistogram): Figures {
  const at = (percent: number): number => times.percentile(percent) / 1e6;
  return { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99) };
}

/** What turns came to together: sums, and means of what is a rate. */
function sumsOf(turns: readonly Turn[]): Omit<Turn, "lap"> {
  const all = <Name extends keyof Turn>(name: Name): number | undefined => {
    const values = turns.map((turn) => turn[name] as number | undefined);
    return values.includes(undefined) ? undefined : sum(values as number[], (value) => value);
  };
  const commits = all("commitsPerSecond");
  return {
    serverCpuMs: all("serverCpuMs"),
    loadCpuMs: all("loadCpuMs") as number,
    hashUs: (all("hashUs") as number) / turns.length,
    ...(commits !== undefined && { commitsPerSecond: commits / turns.length }),
    settleMs: all("settleMs"),
    diskBytes: all("diskBytes"),
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
