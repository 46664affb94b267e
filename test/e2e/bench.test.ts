// The benchmark as it is run, on few records and for next to no time: what it reports, and that it looks at answers. Nothing
// here says how fast anything has to be.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { verdictOf } from "../../bench/floors.ts";
import type { GrowthReport } from "../../bench/growth.ts";
import { GrpcConnection } from "../../bench/load/grpc-connection.ts";
import { JsonConnection } from "../../bench/load/json-connection.ts";
import { runLoad } from "../../bench/load/run-load.ts";
import type { Report, Result } from "../../bench/result.ts";
import { EMPTY, utf8 } from "../../src/base/bytes.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const BENCH: string = join(import.meta.dirname, "../../bench");
const SERVICE = "/immudb.schema.ImmuService";
const run = promisify(execFile);

async function bench(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(BENCH, program), ...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

describe("the benchmark", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "bench-test-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test("reports reads, proofs, writes and JSON with their times, having verified answers of each", async () => {
    const names = ["null", "get", "verifiableGet of 10", "JSON get", "set", "verifiableSet", "setAll 100 random"];
    const file = join(directory, "report.json");
    const said = await bench("main.ts", "--quick", "--workloads", [...names, "sQLQuery"].join(","), "--out", file);
    const { conditions, results }: Report = JSON.parse(await readFile(file, "utf8"));
    assert.equal(conditions.node, process.version);
    const measured = results.filter(({ notBuilt }) => notBuilt !== true);
    assert.deepEqual([...new Set(measured.map(({ workload }) => workload))], names);
    for (const result of measured) {
      requireMeasured(result);
      assert.ok(said.includes(`| ${result.workload} `), `the table has ${result.workload}`);
    }
    for (const { figures } of measured.filter(({ workload }) => /^(set|verifiableSet)$/.test(workload)))
      assert.ok((figures.ofCommits ?? 0) > 0, "writes are read against durable commits of the same run");
    const [bulk] = measured.slice(-1);
    assert.ok((bulk?.figures.entriesPerSecond ?? 0) > (bulk?.figures.callsPerSecond ?? 0));

    const compared = await bench("compare.ts", file, file);
    const row = compared.split("\n").find((line) => /^\| get +\| +28 \|/.test(line));
    assert.match(row ?? compared, /\|( +\d+ \|){3} +1 \|/, "a report is as fast as itself");
  });

  test("starts servers after a stop and after a kill, and says what a record takes in memory and on the disk", async () => {
    const names = ["million keys", "disk"];
    const said = await bench(
      "main.ts",
      "--quick",
      "--keys",
      "2000",
      "--workloads",
      names.join(","),
      "--output",
      "json",
    );
    const { results, memory }: Report = JSON.parse(said);
    const figure = (workload: string): number =>
      Object.values(results.find((result) => result.workload === workload)?.figures ?? {})[0] ?? Number.NaN;
    for (const what of ["restart after a stop", "restart after a kill", "memory idle", "memory loaded"])
      assert.ok(figure(what) > 0, what);
    assert.ok(figure("disk, transactions of 1") > 115);
    assert.ok(memory.length > 0 && memory.every(({ residentMb, anonymousMb }) => residentMb >= anonymousMb));
  });

  test("does not know a workload that has no name", async () => {
    await assert.rejects(bench("main.ts", "--workloads", "gett"), /no such workload: gett/);
  });

  test("looks at a growing database at each size, and draws what it saw", async () => {
    const [file, picture] = [join(directory, "growth.json"), join(directory, "growth.svg")];
    const said = await bench("growth.ts", "--records", "12000", "--out", file);
    const { stops }: GrowthReport = JSON.parse(await readFile(file, "utf8"));
    assert.deepEqual(
      stops.map(({ records }) => records),
      [10_000, 12_000],
    );
    for (const stop of stops) {
      for (const [name, figure] of Object.entries(stop)) assert.ok(figure > 0, `${stop.records}: ${name}`);
      assert.ok(said.includes(` ${stop.records.toLocaleString("en")} |`), "the table has the size");
      assert.ok(stop.logBytes > stop.records * 115, "the log holds keys and values");
    }
    await bench("growth-picture.ts", file, picture);
    assert.match(await readFile(picture, "utf8"), /^<svg .*CPU µs per get/s);
  });
});

function requireMeasured({ workload, figures, calls, checked, turns }: Result): void {
  const what = `${workload}: ${JSON.stringify(figures)}`;
  assert.ok(calls > 0 && checked > 0 && checked <= calls, what);
  assert.ok(turns.length > 0, what);
  const { callsPerSecond = 0, p50Ms = 0, p95Ms = 0, p99Ms = 0 } = figures;
  assert.ok(callsPerSecond > 0, what);
  assert.ok(p50Ms > 0 && p50Ms <= p95Ms && p95Ms <= p99Ms, what);
  if (process.platform !== "linux") return;
  assert.ok((figures.cpuUsPerCall ?? -1) >= 0 && (figures.anonymousMb ?? 0) > 0, what);
}

describe("the load", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const door = (method: string) => ({
    address: `${server.host}:${server.port}`,
    path: `${SERVICE}/${method}`,
    sessionId: undefined,
  });

  test("fails when an answer is not what it has to be", async () => {
    const connection = await GrpcConnection.open(door("Health"));
    const check = (answer: Uint8Array): void => assert.equal(answer.length, 0, "a wrong answer");
    const load = { connections: [connection], lanes: [{ next: () => EMPTY, check }], checkEvery: 1, forMs: 5000 };
    await assert.rejects(runLoad(load), /a wrong answer/);
    connection.close();
  });

  test("fails when a call is refused, over gRPC and over JSON", async () => {
    const grpc = await GrpcConnection.open(door("Get"));
    const json = await JsonConnection.open(door("Get"));
    const load = { checkEvery: 1, forMs: 5000 };
    const lane = (message: Uint8Array) => ({ next: () => message, check: () => {} });
    await assert.rejects(runLoad({ ...load, connections: [grpc], lanes: [lane(EMPTY)] }), /refused/);
    await assert.rejects(
      runLoad({ ...load, connections: [json], lanes: [lane(utf8("{}"))] }),
      /refused: HTTP\/1.1 .*not logged in/,
    );
  });
});

test("a figure is judged by its floor and its aim, and not at all where it is missing", () => {
  const result = (ofCommits?: number): Result => ({
    workload: "set",
    inFlight: 1,
    figures: ofCommits === undefined ? {} : { ofCommits },
    turns: [],
    calls: 1,
    checked: 1,
  });
  assert.equal(verdictOf(result(0.31)), "missed");
  assert.equal(verdictOf(result(0.32)), "floor met");
  assert.equal(verdictOf(result(0.5)), "aim met");
  assert.equal(verdictOf(result()), "not comparable");
  assert.equal(verdictOf({ ...result(1), inFlight: 2 }), undefined);
});

test("processor time per call is judged by the turn that was disturbed least", () => {
  const turns = [30, 11, 14].map((cpuUsPerCall) => ({ cpuUsPerCall }));
  const result: Result = { workload: "get", inFlight: 28, figures: { cpuUsPerCall: 18 }, turns, calls: 3, checked: 1 };
  assert.equal(verdictOf(result), "floor met");
});
