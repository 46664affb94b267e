// `npm run fuzz:http2 [-- --seed 1 --minutes 30]`: talks to the HTTP/2 server from one seed after the other, 100 conversations
// to a server, for so long; with --runs, so many. What it finds it prints with the seed that shows it again:
// `npm run fuzz:http2 -- --seed 17 --runs 1`.

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Finding, noTotals, Session } from "./http2-fuzz.ts";

const CONVERSATIONS_OF_A_SERVER = 100;
/** After so many conversations memory has reached its size; from then on it may not grow by more than this. */
const WARM_AFTER = 300;
const GROWTH_BYTES_MAX: number = 32 * 1024 * 1024;
const FINDINGS_MAX = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
    minutes: { type: "string", default: "1" },
    runs: { type: "string" },
  },
});
const first = numberOf("seed");
const runsMax = values.runs === undefined ? Number.POSITIVE_INFINITY : numberOf("runs");
const endsAt =
  performance.now() + (values.runs === undefined ? numberOf("minutes") * 60_000 : Number.POSITIVE_INFINITY);

const totals = noTotals();
const findings: Finding[] = [];
let seed = first;
let warmBytes: number | undefined;
let reportAt = performance.now() + 60_000;
const began = performance.now();
while (totals.conversations < runsMax && performance.now() < endsAt && findings.length < FINDINGS_MAX) {
  const session = await Session.open(totals);
  for (let i = 0; i < CONVERSATIONS_OF_A_SERVER && totals.conversations < runsMax && performance.now() < endsAt; i++) {
    await session.run(seed++);
  }
  await session.close();
  for (const finding of session.findings.slice(0, FINDINGS_MAX)) console.log(`seed ${finding.seed}: ${finding.what}`);
  findings.push(...session.findings);
  if (totals.conversations >= WARM_AFTER) warmBytes ??= await usedBytes();
  if (performance.now() > reportAt) {
    console.log(`${summary()}, ${megabytes(await usedBytes())} MB`);
    reportAt = performance.now() + 60_000;
  }
}
const growth = warmBytes === undefined ? 0 : (await usedBytes()) - warmBytes;
const hasGrown = growth > GROWTH_BYTES_MAX;
if (hasGrown) console.log(`memory grew by ${megabytes(growth)} MB after the first ${WARM_AFTER} conversations`);
printCounts("ended", totals.endings);
printCounts("mutations", totals.mutations);
const memory = warmBytes === undefined ? "memory not judged" : `memory ${growth < 0 ? "" : "+"}${megabytes(growth)} MB`;
console.log(`${summary()}, ${findings.length} findings, ${memory}`);
if (findings.length > 0 || hasGrown) process.exitCode = 1;

function summary(): string {
  const { conversations, requests, compared, framesSent, framesReceived } = totals;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const frames = `${framesSent} frames sent, ${framesReceived} received`;
  return `${conversations} conversations from seed ${first} in ${seconds} s: ${requests} requests, ${compared} answers compared, ${frames}`;
}

function printCounts(what: string, counts: ReadonlyMap<string, number>): void {
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(`${what}: ${sorted.map(([name, count]) => `${name} ${count}`).join(", ")}`);
}

/** Bytes in use after everything that can go has gone, which buffers do a little later than the objects that had them. */
async function usedBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 5; times++) {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    await sleep(20);
  }
  return least;
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function numberOf(name: "seed" | "minutes" | "runs"): number {
  const value = Number(values[name]);
  if (value > 0 && value < 2 ** 32) return value;
  console.error(`--${name} is a number above 0`);
  process.exit(2);
}
