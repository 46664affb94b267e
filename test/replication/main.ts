// `npm run replication -- --rounds 20 --seed 7`: kills replicas and primaries under load, and looks for anything that was
// acknowledged and is lost, and for replicas that are not what their primary is. With `--speed` it measures how fast a replica is.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { catchUp, primaryDies, type RoundReport } from "./rounds.ts";
import { measureCatchUp, measureFollowing } from "./speed.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string" },
    writes: { type: "string", default: "5000" },
    writers: { type: "string", default: "16" },
    speed: { type: "boolean", default: false },
  },
});
if (values.speed) {
  await measure(Number(values.writers));
  process.exit();
}
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

async function measure(writers: number): Promise<void> {
  for (const sync of [false, true]) {
    const kind = sync ? "synchronous" : "asynchronous";
    const small = await measureCatchUp({ transactions: 10_000, valueBytes: 100, writers: 64 }, sync);
    console.log(`${kind}, 10,000 transactions of 100 bytes:`, small);
    const large = await measureCatchUp({ transactions: 200, valueBytes: 1024 * 1024, writers: 4 }, sync);
    console.log(`${kind}, 200 transactions of 1 MiB:`, large);
    console.log(`${kind}, ${writers} writers for 10 s:`, await measureFollowing(10, writers, sync));
  }
}
