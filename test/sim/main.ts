// `npm run sim -- --seed 7 --ops 200 [--runs 1000]`: runs the simulation from one seed, or from as many seeds on as --runs
// says. A run that finds something prints how to see it again.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { describeReport } from "./report.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
    ops: { type: "string", default: "200" },
    runs: { type: "string", default: "1" },
  },
});
const seed = positive("seed", values.seed);
const ops = positive("ops", values.ops);
const runs = positive("runs", values.runs);

const began = performance.now();
const totals = new Map<string, number>();
let failed = 0;
for (let run = 0; run < runs; run++) {
  const report = await simulate({ seed: seed + run, ops });
  for (const [what, count] of report.counts) totals.set(what, (totals.get(what) ?? 0) + count);
  if (report.findings.length > 0) {
    failed++;
    console.log(describeReport(report, ops));
  }
  if ((run + 1) % 500 === 0) console.log(`${run + 1} runs, ${failed} failed, ${seconds()} s`);
}
console.log(`${runs} runs from seed ${seed}, ${failed} failed, ${seconds()} s`);
for (const [what, count] of [...totals].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`${what.padEnd(40)}${count}`);
if (failed > 0) process.exitCode = 1;

function seconds(): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0 && value < 2 ** 32) return value;
  console.error(`--${name} is a number from 1 on`);
  process.exit(2);
}
