// `npm run fuzz:rpc [-- --seed 1 --minutes 30]`: calls every method of a server, from one seed after the other, for so long;
// with --runs, so many conversations. What it finds it prints with the seed that shows it again, mostly alone:
// `npm run fuzz:rpc -- --seed 17 --runs 1`.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { Code } from "@connectrpc/connect";
import { type Finding, Session, type Totals } from "./rpc-fuzz.ts";

const CONVERSATIONS_OF_A_SERVER = 500;
/** After so many conversations memory has reached its size; from then on it may not grow by more than this. */
const WARM_AFTER = 100;
const GROWTH_BYTES_MAX: number = 96 * 1024 * 1024;
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
const began = performance.now();
const endsAt = values.runs === undefined ? began + numberOf("minutes") * 60_000 : Number.POSITIVE_INFINITY;

const totals: Totals = { conversations: 0, calls: 0, codes: new Map(), served: new Set() };
const findings: Finding[] = [];
let seed = first;
let reportAt = began + 60_000;
let growthMost: number | undefined;
const isDone = (): boolean =>
  totals.conversations >= runsMax || performance.now() >= endsAt || findings.length >= FINDINGS_MAX;

while (!isDone()) {
  const session = await Session.open(totals, seed);
  let warmBytes: number | undefined;
  for (let i = 1; i <= CONVERSATIONS_OF_A_SERVER && !isDone() && !session.isOver; i++) {
    await session.run(seed++);
    for (const finding of session.findings.splice(0)) report(finding);
    if (i === WARM_AFTER) warmBytes = await session.memory();
    if (performance.now() > reportAt) {
      console.log(`${summary()}, ${megabytes(await session.memory())} MB`);
      reportAt = performance.now() + 60_000;
    }
  }
  if (warmBytes !== undefined && !session.isOver) {
    const growth = (await session.memory()) - warmBytes;
    growthMost = Math.max(growthMost ?? growth, growth);
    if (growth > GROWTH_BYTES_MAX) report({ seed, what: `memory grew by ${megabytes(growth)} MB` });
  }
  await session.close();
  for (const finding of session.findings.splice(0)) report(finding);
}

const codes = [...totals.codes].sort(([a], [b]) => a - b);
console.log(`codes: ${codes.map(([code, count]) => `${nameOf(code)} ${count}`).join(", ")}`);
console.log(`methods that answered well: ${totals.served.size}: ${[...totals.served].sort().join(" ")}`);
const memory = growthMost === undefined ? "memory not judged" : `memory ${megabytes(growthMost)} MB more`;
console.log(`${summary()}, ${findings.length} findings, ${memory}`);
if (findings.length > 0) process.exitCode = 1;

function report(finding: Finding): void {
  findings.push(finding);
  console.log(`seed ${finding.seed}: ${finding.what}`);
}

function summary(): string {
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  return `${totals.conversations} conversations from seed ${first} in ${seconds} s: ${totals.calls} calls`;
}

function nameOf(code: number): string {
  return code === 0 ? "ok" : code < 0 ? "none" : (Code[code] ?? String(code));
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
