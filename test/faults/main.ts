// `npm run faults [-- --only NAME] [--sample]`: makes real faults under real stores and servers, and looks whether anything
// that was promised is missing, or anything that was refused is there. Prints a row for each kind of fault. Run as root where
// mounting is allowed; what cannot be made is skipped, with the reason.

import { parseArgs } from "node:util";
import { FAULTS } from "./faults.ts";
import { type Outcome, Unavailable } from "./outcome.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, sample: { type: "boolean", default: false } } });
const names = FAULTS.map(({ name }) => name);
if (values.only !== undefined && !names.includes(values.only)) {
  console.error(`--only is one of ${names.join(", ")}`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
let skipped = 0;
for (const fault of FAULTS.filter(({ name }) => values.only === undefined || name === values.only)) {
  const began = performance.now();
  try {
    const rows = await fault.run({ extent: values.sample ? "sample" : "all" });
    outcomes.push(...rows);
    console.log(`${fault.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
    for (const row of rows) describe(row);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    skipped++;
    console.log(`${fault.name}: skipped, ${error.message}`);
  }
}
printTable();
const failed = outcomes.filter(({ findings }) => findings.length > 0).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0) process.exitCode = 1;

function describe({ fault, how, remarks, findings }: Outcome): void {
  console.log(`  ${fault} (${how})${remarks === "" ? "" : `: ${remarks}`}`);
  for (const finding of findings.slice(0, 10)) console.log(`  FAILED: ${finding}`);
}

function printTable(): void {
  const titles = ["rounds", "acknowledged", "lost", "refused", "unknown", "recovery ms", "fault"];
  console.log(`\n${titles.join("  ")}`);
  for (const { rounds, acknowledged, lost, refused, unknown, recoveryMs, fault } of outcomes) {
    const numbers = [rounds, acknowledged, lost, refused, unknown, Math.ceil(recoveryMs)];
    console.log([...numbers.map((n, i) => String(n).padStart((titles[i] as string).length)), fault].join("  "));
  }
}
