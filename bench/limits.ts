// `npm run bench:limits`: this machine's speed of light. What the disk, LMDB, the transport and the hash give at best, with
// nothing around them: no figure of the server can be better, and none of another machine means much beside them.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { open, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createHistogram } from "node:perf_hooks";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { markdownTable } from "markdown-table";
import { EMPTY } from "../src/base/bytes.ts";
import { nodeSha256 } from "../src/server/node-sha256.ts";
import { CommitProbe } from "./commit-probe.ts";
import { GrpcConnection } from "./load/grpc-connection.ts";
import { hasH2load, runH2load } from "./load/h2load.ts";
import { type Lap, runLoad } from "./load/run-load.ts";
import { cpuMs } from "./process-usage.ts";
import { digits } from "./report.ts";

const NULL_SERVER: string = fileURLToPath(new URL("null-server.ts", import.meta.url));
const APPEND_BYTES = 4096;
const WRITERS: readonly number[] = [1, 28, 64, 256];
const PATH = "/immudb.schema.ImmuService/Health";

/** What was measured, per second, and what else there is to say. */
type Row = readonly [what: string, perSecond: number, remark: string];

const { values: flags } = parseArgs({
  options: { seconds: { type: "string", default: "2" }, output: { type: "string", default: "table" } },
});
const forMs = Number(flags.seconds) * 1000;
const rows: Row[] = [await appends(), ...(await commits()), ...(await nullCalls()), ...hashes()];
if (flags.output === "json")
  console.log(JSON.stringify(rows.map(([what, perSecond, remark]) => ({ what, perSecond, remark }))));
else console.log(report());

async function appends(): Promise<Row> {
  const path = join(tmpdir(), `bench-append-${process.pid}`);
  const file = await open(path, "w");
  const times = createHistogram();
  const piece = Buffer.alloc(APPEND_BYTES, 1);
  try {
    const began = performance.now();
    while (performance.now() - began < forMs) {
      const started = performance.now();
      await file.write(piece);
      await file.datasync();
      times.record(Math.round((performance.now() - started) * 1e6));
    }
    const at = (percent: number): string => digits(times.percentile(percent) / 1e6);
    return ["append 4 KiB and fdatasync", (times.count * 1000) / forMs, `p50 ${at(50)} ms, p99 ${at(99)} ms`];
  } finally {
    await file.close();
    await rm(path);
  }
}

async function commits(): Promise<Row[]> {
  const probe = await CommitProbe.start();
  const found: Row[] = [];
  for (const writers of WRITERS) {
    const perSecond = await probe.run(writers, forMs);
    found.push([
      `LMDB, two small puts, durable, ${writers} waiting`,
      perSecond,
      `${digits(perSecond / writers)} commits/s`,
    ]);
  }
  await probe.close();
  return found;
}

/** The HTTP/2 engine with an empty handler, in a process of its own. */
async function nullCalls(): Promise<Row[]> {
  const child = spawn(process.execPath, [NULL_SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const address = `127.0.0.1:${await portOf(child)}`;
    const door = { address, path: PATH, sessionId: undefined };
    const lane = { next: () => EMPTY, check: () => {} };
    const found: Row[] = [];
    const measured = async (what: string, load: () => Promise<Lap>): Promise<void> => {
      const before = cpuMs(child.pid);
      const { calls, seconds } = await load();
      const cpu = cpuMs(child.pid);
      const perCall = cpu === undefined || before === undefined ? "" : digits(((cpu - before) * 1000) / calls);
      found.push([what, calls / seconds, `${perCall} CPU µs per call`]);
    };
    for (const [connections, each] of [
      [1, 1],
      [4, 7],
      [4, 16],
    ] as const) {
      const opened = await Promise.all(Array.from({ length: connections }, () => GrpcConnection.open(door)));
      const lanes = Array.from({ length: connections * each }, () => lane);
      const load = { connections: opened, lanes, checkEvery: 64 };
      await runLoad({ ...load, forMs: forMs / 2 });
      await measured(`null call, own engine, ${connections} × ${each} in flight`, () => runLoad({ ...load, forMs }));
      for (const connection of opened) connection.close();
      if (!hasH2load()) continue;
      const same = { door, lane, connections, each, forMs };
      await measured(`the same from h2load`, () => runH2load(same));
    }
    return found;
  } finally {
    child.stdin.end();
  }
}

async function portOf(child: ChildProcessByStdio<Writable, Readable, null>): Promise<number> {
  const [chunk] = await once(child.stdout, "data");
  return Number(chunk.toString());
}

/** By processor time: others may run in between. */
function hashes(): Row[] {
  const microseconds = (bytes: number, digest: (data: Uint8Array) => unknown): number => {
    const data = Buffer.alloc(bytes, 1);
    const together = bytes > 1024 ? 10 : 1000;
    const before = process.cpuUsage();
    const began = performance.now();
    let count = 0;
    for (; performance.now() - began < forMs; count += together) for (let i = 0; i < together; i++) digest(data);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
  const row = (what: string, us: number): Row => [what, 1e6 / us, `${digits(us)} CPU µs each`];
  return [
    row("SHA-256 of 65 bytes, as the server does it", microseconds(65, nodeSha256)),
    row(
      "SHA-256 of 64 KiB",
      microseconds(64 * 1024, (data) => hash("sha256", data, "buffer")),
    ),
  ];
}

function report(): string {
  const processors = cpus();
  const cells = rows.map(([what, perSecond, remark]) => [what, digits(perSecond), remark]);
  return [
    `${new Date().toISOString().slice(0, 16)}, Node ${process.version}, ${processors.length} × ${processors[0]?.model}, load average ${loadavg()[0]?.toFixed(1)}.`,
    "",
    markdownTable([["what", "per second", ""], ...cells], { align: ["l", "r", "l"] }),
  ].join("\n");
}
