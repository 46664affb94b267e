// `npm run bench:growth -- --records 10000000 --out FILE`: how a database behaves as it grows. One process, no transport: a
// database on LMDB in a temporary directory takes small records, 1,000 to a transaction, and at each size is looked at:
//
//   load up to the size ─ wait for the index ─ get keys at random ─ memory, disk ─ close ─ open, first get ─ load on …
//
// `bench/growth-picture.ts` draws what it writes to the file.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { markdownTable } from "markdown-table";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/observe.ts";
import { systemRandom } from "../src/base/random.ts";
import { steadyMemory } from "../src/cli/steady-memory.ts";
import { diskDirectory } from "../src/database/data-directory.ts";
import { Database } from "../src/database/database.ts";
import { DEFAULT_DATABASE_SETTINGS } from "../src/database/settings.ts";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { lmdbDriver } from "../src/store/engine-lmdb.ts";
import { Store } from "../src/store/store.ts";
import { key, randomNumbers, VALUE_BYTES, value } from "./ground.ts";
import { type Memory, memoryOf } from "./process-usage.ts";
import { digits } from "./report.ts";
import { bytesBelow } from "./subject.ts";
import { hashUs } from "./yardstick.ts";

const SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000];
const TOGETHER = 1000;
const IN_FLIGHT = 4;
const GETS = 2000;
const WARM_UP = 30_000;
const SET = "grw";
const NAME = "growth";

/** What was seen at one size. Rates and times of writing are of the records that came since the size before. */
export interface Stop extends Memory {
  readonly records: number;
  /** Until they were durable. */
  readonly entriesPerSecond: number;
  /** Of all threads, until they were indexed, too. */
  readonly cpuMsPer1000: number;
  /** From the last transaction being durable to the index holding it. */
  readonly indexLagMs: number;
  /** One key after the other, at random of all. */
  readonly getCpuUs: number;
  readonly logBytes: number;
  readonly indexBytes: number;
  readonly closeMs: number;
  /** From opening to the first value. */
  readonly openMs: number;
  /** The yardstick: processor time of a SHA-256 of 65 bytes at this time. */
  readonly hashUs: number;
}

export interface GrowthReport {
  readonly date: string;
  readonly machine: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly stops: readonly Stop[];
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  steadyMemory();
  useNodeSha256();
  const { values: flags } = parseArgs({
    options: { records: { type: "string", default: "1000000" }, out: { type: "string" } },
  });
  const most = Number(flags.records);
  if (!Number.isInteger(most / TOGETHER) || most <= 0) throw new Error(`--records: a multiple of ${TOGETHER}`);
  const processors = cpus();
  const conditions = {
    date: new Date().toISOString().slice(0, 16),
    machine: `Node ${process.version}, ${processors.length} × ${processors[0]?.model}`,
    loadBefore: loadavg()[0] as number,
  };
  const directory = await mkdtemp(join(tmpdir(), "bench-growth-"));
  const stops: Stop[] = [];
  try {
    await warmUp(join(directory, "warm-up"));
    let database = await open(directory);
    let written = 0;
    for (const records of [...SIZES.filter((size) => size < most), most]) {
      const seen = { ...(await load(database, written, records)), getCpuUs: getCpuUs(database, records) };
      written = records;
      const memory = memoryOf(process.pid) ?? { anonymousMb: Number.NaN, residentMb: Number.NaN };
      const [logBytes, indexBytes] = await Promise.all(["log", "index"].map((part) => bytesIn(directory, part)));
      const restart = await restarted(directory, database, records);
      database = restart.database;
      const { closeMs, openMs } = restart;
      const disk = { logBytes: logBytes as number, indexBytes: indexBytes as number };
      stops.push({ records, ...seen, ...memory, ...disk, closeMs, openMs, hashUs: hashUs() });
      console.error(`${records} records: ${JSON.stringify(stops.at(-1))}`);
      // After each size, so that a run that is ended early has said what it saw.
      const report: GrowthReport = { ...conditions, loadAfter: loadavg()[0] as number, stops };
      if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 1)}\n`);
    }
    await database.close();
    console.log(table(stops));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** So that the first size is not the one that pays for compiling. */
async function warmUp(directory: string): Promise<void> {
  const database = await open(directory);
  await load(database, 0, WARM_UP);
  getCpuUs(database, WARM_UP);
  await database.close();
}

async function open(directory: string): Promise<Database> {
  const settings = DEFAULT_DATABASE_SETTINGS;
  const store = await Store.open({
    database: NAME,
    directory: join(directory, NAME),
    place: diskDirectory(directory, systemRandom).place(NAME),
    driver: lmdbDriver,
    settings,
    clock: systemClock,
    logger: silentLogger,
  });
  return new Database({ name: NAME, settings }, store, systemClock);
}

function bytesIn(directory: string, part: string): Promise<number> {
  return bytesBelow(join(directory, NAME, part));
}

/** A number for each below 2³², no two the same, in an order that looks random: each step can be undone. */
function scrambled(n: number): number {
  let x = n;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

async function load(database: Database, from: number, to: number) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  let next = from;
  const writer = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      const count = Math.min(TOGETHER, to - first);
      next += count;
      const entries = Array.from({ length: count }, (_, i) => {
        const n = scrambled(first + i);
        return { key: key(SET, n), value: value(SET, n), metadata: undefined };
      });
      await database.set({ entries, preconditions: [], noWait: false });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
  const durable = performance.now();
  await database.settled();
  const indexLagMs = performance.now() - durable;
  const count = to - from;
  return {
    entriesPerSecond: (count / (durable - began)) * 1000,
    cpuMsPer1000: (cpuUsSince(cpu) / 1000 / count) * 1000,
    indexLagMs,
  };
}

function getCpuUs(database: Database, records: number): number {
  const random = randomNumbers(records);
  const numbers = Array.from({ length: GETS }, () => scrambled(random(records)));
  const keys = numbers.map((n) => key(SET, n));
  const cpu = process.cpuUsage();
  const values = keys.map((wanted) => get(database, wanted));
  const used = cpuUsSince(cpu);
  for (const [i, n] of numbers.entries()) assert.deepEqual(Buffer.from(values[i] as Uint8Array), value(SET, n));
  return used / GETS;
}

function get(database: Database, wanted: Uint8Array): Uint8Array {
  return database.get({ key: wanted, atTx: 0n, sinceTx: 0n, atRevision: 0n, noWait: false }).value;
}

async function restarted(directory: string, database: Database, records: number) {
  const began = performance.now();
  await database.close();
  const closed = performance.now();
  const again = await open(directory);
  const n = scrambled(Math.floor(records / 3));
  assert.equal(get(again, key(SET, n)).length, VALUE_BYTES);
  return { database: again, closeMs: closed - began, openMs: performance.now() - closed };
}

function cpuUsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function table(stops: readonly Stop[]): string {
  const heads = ["records", "entries/s", "CPU ms/1000", "index lag ms", "CPU µs/get", "own MB", "MB with mapped files"];
  heads.push("log MB", "index MB", "bytes/record", "close ms", "open ms", "SHA-256 µs");
  const mb = (bytes: number): number => bytes / 1024 / 1024;
  const rows = stops.map((stop) => {
    const disk = [mb(stop.logBytes), mb(stop.indexBytes), (stop.logBytes + stop.indexBytes) / stop.records];
    const written = [stop.entriesPerSecond, stop.cpuMsPer1000, stop.indexLagMs, stop.getCpuUs];
    const memory = [stop.anonymousMb, stop.residentMb];
    const figures = [...written, ...memory, ...disk, stop.closeMs, stop.openMs, stop.hashUs].map(digits);
    return [stop.records.toLocaleString("en"), ...figures];
  });
  return markdownTable([heads, ...rows], { align: heads.map(() => "r") });
}
