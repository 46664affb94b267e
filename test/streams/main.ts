// `npm run streams`: ten clients at once write and read values of 32 MiB as streams, one more reads at 64 KiB a second, until that
// one has read all of its value (nine minutes), over each transport. `--seconds N` ends sooner; `--transport own|node` is one
// of them; `--one-chunk` sends chunks of 31 MiB.

import { parseArgs } from "node:util";
import { runStreams } from "./run.ts";

const MIB = 1024 * 1024;
const GROWN_BYTES_MAX = 200 * MIB;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "10" },
    seconds: { type: "string" },
    transport: { type: "string" },
    "slow-bytes-per-second": { type: "string", default: String(64 * 1024) },
    "one-chunk": { type: "boolean", default: false },
  },
});
const transports = values.transport === undefined ? (["own", "node"] as const) : [values.transport as "own" | "node"];
let failed = 0;
for (const transport of transports) {
  const plan = {
    clients: Number(values.clients),
    transport,
    seconds: values.seconds === undefined ? undefined : Number(values.seconds),
    slowBytesPerSecond: Number(values["slow-bytes-per-second"]),
    oneChunk: values["one-chunk"],
  };
  const { written, read, slowly, slowlyWhole, seconds, grown, findings } = await runStreams(plan);
  const rate = ((written + read) * 32) / seconds;
  console.log(
    `transport ${transport}: ${written} values written and ${read} read in ${seconds.toFixed(1)} s (${rate.toFixed(0)} MiB/s in all), ` +
      `${(slowly / MIB).toFixed(1)} MiB read slowly${slowlyWhole ? ", to the end" : ""}; ` +
      `the server's memory grew by ${(grown / MIB).toFixed(0)} MiB`,
  );
  for (const finding of findings) console.log(`  FAILED: ${finding}`);
  if (grown > GROWN_BYTES_MAX) console.log(`  FAILED: more than ${GROWN_BYTES_MAX / MIB} MiB`);
  if (findings.length > 0 || grown > GROWN_BYTES_MAX) failed++;
}
console.log(`${transports.length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
