// The order of a run: reads on one server that was filled, single writes on another, each bulk load on a fresh one, then what
// a million keys cost. All cells of a server take turns, several times, so that what else the machine does hits all alike.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { createNodeTransport } from "../src/client/node.ts";
import { Cell, type Client } from "./cell.ts";
import { CommitProbe } from "./commit-probe.ts";
import { singlesOnDisk } from "./disk.ts";
import { prepare } from "./ground.ts";
import { type MillionPlan, measureMillion } from "./million.ts";
import type { MemorySample, Result } from "./result.ts";
import { type SubjectOptions, startSubject } from "./subject.ts";
import { READS } from "./workloads/reads.ts";
import { inFlight, type Workload } from "./workloads/workload.ts";
import { BULK, WRITES } from "./workloads/writes.ts";

export interface Plan {
  readonly subject: SubjectOptions;
  readonly client: Client;
  /** Whether a workload of this name is wanted. */
  readonly wants: (name: string) => boolean;
  readonly warmUpMs: number;
  /** How often each cell has its turn, and for how long. */
  readonly turns: number;
  readonly turnMs: number;
  readonly bulkMs: number;
  readonly million: MillionPlan;
  readonly records: "all" | "few";
  /** Told of every result as it comes. */
  readonly progress: (text: string) => void;
}

/** Names of what is measured beside the workloads: they take a server that can be stopped and a directory. */
export const MILLION = "million keys";
export const DISK = "disk";
/** Calls of the original that have no workload: it is said of them whether the server knows them. */
const UNBUILT: readonly string[] = ["sQLExec", "sQLQuery"];

/** A disk that others write to is another one every second: writes and the probe take turns that much shorter. */
const PROBED_PARTS = 4;

export const NAMES: readonly string[] = [
  ...[...READS, ...WRITES, ...BULK].map(({ name }) => name),
  MILLION,
  DISK,
  ...UNBUILT,
];

export async function runSuite(plan: Plan): Promise<{ results: Result[]; memory: readonly MemorySample[] }> {
  const results: Result[] = [];
  const keep = (...more: readonly Result[]): void => void results.push(...more);
  const wanted = (workloads: readonly Workload[]): Workload[] => workloads.filter(({ name }) => plan.wants(name));
  keep(...(await together(plan, wanted(READS), plan.records)));
  keep(...(await together(plan, wanted(WRITES), "few")));
  for (const workload of wanted(BULK)) keep(...(await toTheEnd(plan, workload)));
  const isOurs = plan.subject.address === undefined;
  let memory: readonly MemorySample[] = [];
  if (isOurs && plan.wants(MILLION)) {
    plan.progress(MILLION);
    const million = await measureMillion(plan.subject, plan.million);
    keep(...million.results);
    memory = million.memory;
  }
  if (isOurs && plan.wants(DISK)) {
    plan.progress(DISK);
    keep(await singlesOnDisk(plan.subject, Math.ceil(plan.million.keys / 20)));
  }
  if (UNBUILT.some(plan.wants)) keep(...(await unbuilt(plan)));
  return { results, memory };
}

async function together(plan: Plan, workloads: readonly Workload[], records: "all" | "few"): Promise<Result[]> {
  if (workloads.length === 0) return [];
  const subject = await startSubject(plan.subject);
  const probe = workloads.some(({ isWrite }) => isWrite) ? await CommitProbe.start() : undefined;
  try {
    const ground = await prepare(subject.address, records);
    const [offered, missing] = partition(workloads, ({ isOffered }) => isOffered?.(ground) !== false);
    const cells = offered.flatMap((workload) =>
      workload.shapes.map((shape) => new Cell(subject, ground, workload, shape, plan.client)),
    );
    for (const cell of cells) await cell.warmUp(plan.warmUpMs);
    const parts = probe === undefined ? 1 : PROBED_PARTS;
    for (let turn = 1; turn <= plan.turns * parts; turn++) {
      for (const cell of cells) {
        plan.progress(`${cell.workload.name}, ${cell.inFlight} in flight, turn ${turn} of ${plan.turns * parts}`);
        await cell.turn(plan.turnMs / parts, cell.workload.isWrite ? probe : undefined);
      }
    }
    return [...cells.map((cell) => cell.result()), ...missing.map(({ name }) => notBuilt(name))];
  } finally {
    await probe?.close();
    await subject.stop();
  }
}

async function toTheEnd(plan: Plan, workload: Workload): Promise<Result[]> {
  const subject = await startSubject(plan.subject);
  try {
    const ground = await prepare(subject.address, "none");
    const results: Result[] = [];
    for (const shape of workload.shapes) {
      plan.progress(`${workload.name}, ${inFlight(shape)} in flight`);
      const cell = new Cell(subject, ground, workload, shape, plan.client);
      await cell.turnToTheEnd(plan.bulkMs);
      results.push(cell.result());
    }
    return results;
  } finally {
    await subject.stop();
  }
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

function notBuilt(workload: string): Result {
  return { workload, inFlight: 0, figures: {}, turns: [], calls: 0, checked: 0, notBuilt: true };
}

/** Asks for each of these calls once; says of those that the server does not know that they are not built. */
async function unbuilt(plan: Plan): Promise<Result[]> {
  const subject = await startSubject(plan.subject);
  const { sessionId } = await prepare(subject.address, "none");
  const transport = createNodeTransport(subject.address);
  const rpc = createClient(ImmuService, transport);
  const options = { headers: { sessionid: sessionId } };
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    sQLExec: () => rpc.sQLExec({}, options),
    sQLQuery: () => rpc.unarySQLQuery({}, options),
  };
  try {
    const results: Result[] = [];
    for (const name of UNBUILT.filter(plan.wants)) {
      const code = await calls[name]?.().then(
        () => undefined,
        (error: unknown) => ConnectError.from(error).code,
      );
      if (code !== Code.Unimplemented) continue;
      results.push(notBuilt(name));
    }
    return results;
  } finally {
    transport.close();
    await subject.stop();
  }
}
