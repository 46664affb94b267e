// What a million keys cost a server: memory while they come in, are read and rest; bytes on the disk; and how long it is from
// spawning the process to the first read whose proof was checked, after a clean stop and after SIGKILL.
//
//   fresh directory ─ load, 1,000 to a transaction ─ reads ─ rest ─ stop ─ start, read ─ write, SIGKILL ─ start, read ─ rest

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EntrySchema, KeyRequestSchema } from "../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../scripts/server-process.ts";
import { ImmuClient } from "../src/client/client.ts";
import { createNodeTransport } from "../src/client/node.ts";
import { key, prepare, randomNumbers, value } from "./ground.ts";
import { GrpcConnection } from "./load/grpc-connection.ts";
import { type Lane, runLoad } from "./load/run-load.ts";
import { cpuMs, type Memory, memoryOf, settled } from "./process-usage.ts";
import type { Figures, MemorySample, Result } from "./result.ts";
import { bytesBelow, type SubjectOptions, startIn } from "./subject.ts";
import { requireSame } from "./workloads/workload.ts";
import { BULK_SET, bulkLane } from "./workloads/writes.ts";

const TOGETHER = 1000;
const LOADERS = 8;
const READERS = 28;
const SAMPLE_MS = 250;

export interface MillionPlan {
  readonly keys: number;
  /** A start is measured so often; the median counts. */
  readonly starts: number;
  /** How long keys are read, and how long the server is left alone before its memory at rest is looked at. */
  readonly spellMs: number;
}

interface Start {
  readonly servingSeconds: number;
  readonly firstReadSeconds: number;
  /** Processor time of the server by then. */
  readonly startCpuSeconds?: number;
}

export async function measureMillion(
  options: SubjectOptions,
  { keys, starts, spellMs }: MillionPlan,
): Promise<{ results: Result[]; memory: readonly MemorySample[] }> {
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  const sampler = new Sampler();
  const results: Result[] = [];
  const one = (workload: string, figures: Figures, turns: readonly Figures[] = []): void =>
    void results.push({ workload, inFlight: 0, figures, turns, calls: turns.length, checked: turns.length });
  try {
    {
      await using server = startIn(directory, options);
      await server.serving;
      const before = await bytesBelow(directory);
      await fillAndRead(server, keys, spellMs, sampler);
      one("memory loaded", sampler.highest("loading", "reading"));
      sampler.phase = "resting";
      await sleep(spellMs);
      one("memory after the load", memoryOf(server.pid) ?? {});
      one("disk, transactions of 1000", { diskBytesPerEntry: ((await bytesBelow(directory)) - before) / keys });
      sampler.stop();
      await server.stop();
    }
    const stopped: Start[] = [];
    for (let i = 0; i < starts; i++)
      stopped.push(await startAndRead(directory, options, keys, (server) => server.stop()));
    one("restart after a stop", median(stopped), stopped);
    const killed: Start[] = [];
    let idle: Memory | undefined;
    for (let i = 0; i <= starts; i++) {
      const start = await startAndRead(directory, options, keys, async (server, client) => {
        if (i === starts) await sleep(spellMs);
        idle = memoryOf(server.pid);
        await client.set("a write", `before kill ${i}`);
        await server.kill();
      });
      // The first of them follows a clean stop.
      if (i > 0) killed.push(start);
    }
    one("restart after a kill", median(killed), killed);
    one("memory idle", idle ?? {});
    return { results, memory: sampler.samples };
  } finally {
    sampler.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function fillAndRead(server: ServerProcess, keys: number, readMs: number, sampler: Sampler): Promise<void> {
  const address = await server.serving;
  const ground = await prepare(address, "none");
  const door = (name: string): { address: string; path: string; sessionId: string } => ({
    address,
    path: `/${ImmuService.typeName}/${name}`,
    sessionId: ground.sessionId,
  });
  sampler.start(server.pid, "loading");
  const run = async (method: string, lanes: readonly Lane[], limit: { forMs: number; callsMax?: number }) => {
    const connections = await Promise.all([GrpcConnection.open(door(method)), GrpcConnection.open(door(method))]);
    await runLoad({ connections, lanes, checkEvery: 32, ...limit });
    for (const connection of connections) connection.close();
  };
  await run("Set", loaders(), { forMs: Number.POSITIVE_INFINITY, callsMax: keys / TOGETHER });
  await settled(server.pid);
  sampler.phase = "reading";
  await run("Get", readers(keys), { forMs: readMs });
}

/** New keys in order, whichever lane is next. */
function loaders(): Lane[] {
  let written = 0;
  const numbers = (): ((i: number) => number) => {
    const first = written;
    written += TOGETHER;
    return (i) => first + i;
  };
  return Array.from({ length: LOADERS }, () => bulkLane(TOGETHER, numbers));
}

function loadedValue(n: number): Uint8Array {
  return value(BULK_SET, n % TOGETHER);
}

function readers(keys: number): Lane[] {
  return Array.from({ length: READERS }, (_, number) => {
    const random = randomNumbers(number + 1);
    let n = 0;
    return {
      next: () => {
        n = random(keys);
        return toBinary(KeyRequestSchema, create(KeyRequestSchema, { key: key(BULK_SET, n) }));
      },
      check: (answer) => requireSame(fromBinary(EntrySchema, answer).value, loadedValue(n), "the value"),
    };
  });
}

/** Starts a server on the directory, reads a key with proof, then does what ends it. */
async function startAndRead(
  directory: string,
  options: SubjectOptions,
  keys: number,
  end: (server: ServerProcess, client: ImmuClient) => Promise<void>,
): Promise<Start> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  await using server = startIn(directory, options);
  const address = await server.serving;
  const servingSeconds = seconds();
  const transport = createNodeTransport(address);
  try {
    const client = new ImmuClient(transport, { address });
    await client.openSession(ServerProcess.user, ServerProcess.password);
    const n = Math.floor(keys / 3);
    const { entry } = await client.verifiedGet(key(BULK_SET, n));
    requireSame(entry.value, loadedValue(n), "the value");
    const firstReadSeconds = seconds();
    const cpu = cpuMs(server.pid);
    await end(server, client);
    return { servingSeconds, firstReadSeconds, ...(cpu !== undefined && { startCpuSeconds: cpu / 1000 }) };
  } finally {
    transport.close();
  }
}

function median(starts: readonly Start[]): Start {
  const sorted = starts.toSorted((a, b) => a.firstReadSeconds - b.firstReadSeconds);
  return sorted[Math.floor(sorted.length / 2)] as Start;
}

/** Looks at a process's memory again and again. */
class Sampler {
  phase = "";
  readonly samples: MemorySample[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  start(pid: number | undefined, phase: string): void {
    this.phase = phase;
    const began = performance.now();
    this.#timer = setInterval(() => {
      const memory = memoryOf(pid);
      if (memory === undefined) return;
      this.samples.push({ seconds: (performance.now() - began) / 1000, phase: this.phase, ...memory });
    }, SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  highest(...phases: readonly string[]): Memory {
    const of = this.samples.filter(({ phase }) => phases.includes(phase));
    const most = (name: keyof Memory): number => Math.max(...of.map((sample) => sample[name]));
    return { anonymousMb: most("anonymousMb"), residentMb: most("residentMb") };
  }
}
