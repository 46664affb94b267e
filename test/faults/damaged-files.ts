// Damaged files: garbage, zeroes, cut short, pages zeroed at rest and under a running server, one byte changed. What each does
// to a store and to a server with other databases is tested with these; the campaign runs those tests.

import { fileURLToPath } from "node:url";
import { run } from "../../scripts/run.ts";
import type { Fault } from "./outcome.ts";

const TESTS = [
  "unit/store/opening.test.ts",
  "unit/store/checked-engine.test.ts",
  "unit/store/damage.test.ts",
  "unit/database/quarantine.test.ts",
  "faults/damaged-files.test.ts",
];

export const damagedFiles: Fault = {
  name: "damaged-files",
  async run() {
    const files = TESTS.map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)));
    const { code, output } = await run(process.execPath, ["--test", "--test-reporter=tap", ...files]);
    const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1] ?? 0);
    const failed = output.split("\n").filter((line) => /^\s*not ok /.test(line));
    if (code !== 0 && failed.length === 0) failed.push(output);
    if (passed === 0) failed.push("no test ran");
    const counts = { rounds: passed, acknowledged: 0, lost: 0, refused: 0, unknown: 0, recoveryMs: 0 };
    return [{ fault: "files are damaged", how: TESTS.join(", "), ...counts, remarks: "", findings: failed }];
  },
};
