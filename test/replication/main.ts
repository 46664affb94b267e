// `npm run replication -- --rounds 20 --seed 7`: kills replicas and primaries under load, and looks for anything that was
// acknowledged and is lost, and for replicas that are not what their primary is.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { catchUp, primaryDies, type RoundReport } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string" },
    writes: { type: "string", default: "5000" },
    writers: { type: "string", default: "16" },
  },
});
const rounds = Number(values.rounds);
const first = Number(values.seed ?? randomInt(1, 2 ** 31));
const options = { writes: Number(values.writes), writers: Number(values.writers), kills: 5 };
console.log(`${rounds} rounds, seed ${first}`);
let failed = 0;
for (let round = 0; round < rounds; round++) {
  const seed = first + round;
  report(`${seed}: asynchronous replica killed`, await catchUp({ ...options, seed }, false));
  report(`${seed}: synchronous replica killed`, await catchUp({ ...options, seed }, true));
  report(`${seed}: synchronous primary killed`, await primaryDies({ ...options, seed }));
}
console.log(failed === 0 ? "passed" : `FAILED: ${failed} of ${3 * rounds}`);
process.exitCode = failed === 0 ? 0 : 1;

function report(what: string, { acknowledged, transactions, findings }: RoundReport): void {
  if (findings.length > 0) failed++;
  const shown = findings.slice(0, 10).map((finding) => `\n  FAILED: ${finding}`);
  console.log(`${what}: ${acknowledged} acknowledged, ${transactions} transactions${shown.join("")}`);
}
