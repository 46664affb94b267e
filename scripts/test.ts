// `npm test` after the checks: every test, in two runs of Node's runner.
//
//   1  proof and wire, with coverage: every branch of what verifies must be taken (`npm run coverage` is this run alone)
//   2  everything else
//
// The second run is over the files that the first does not have, so that a new folder is never forgotten.

import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const COVERED_TESTS = ["test/unit/proof/**/*.test.ts", "test/unit/wire/**/*.test.ts", "test/golden/**/*.test.ts"];
const COVERED_SOURCES = ["src/proof/**", "src/wire/**"];
const RUNNER = ["--test", "--test-reporter=spec", "--test-concurrency=2"];
const FULL_COVERAGE = ["branches", "functions", "lines"].map((kind) => `--test-coverage-${kind}=100`);

const covered = globSync(COVERED_TESTS).sort();
const others = globSync("test/**/*.test.ts")
  .filter((file) => !covered.includes(file))
  .sort();

const coverage = [
  "--experimental-test-coverage",
  ...COVERED_SOURCES.map((sources) => `--test-coverage-include=${sources}`),
  ...FULL_COVERAGE,
];

let failed = run([...RUNNER, ...coverage, ...covered]);
if (!process.argv.includes("--coverage-only")) failed = run([...RUNNER, ...others]) || failed;
if (failed) process.exitCode = 1;

function run(args: readonly string[]): boolean {
  return spawnSync(process.execPath, args, { stdio: "inherit" }).status !== 0;
}
