// npm run vectors -- [DIRECTORY]: every *.json file of the directory (default: the project's own copy). Ends with one line,
// `N passed, N failed, N skipped`; exits 1 when a case failed, when one was skipped that must not be, or when there was no file.

import { forbiddenSkips, runDirectory, VECTORS_DIRECTORY } from "./vectors.ts";

const results = await runDirectory(process.argv[2] ?? VECTORS_DIRECTORY);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const result of results) {
  const failures = [
    ...result.failed,
    ...forbiddenSkips(result).map(({ name }) => ({ name, why: "was skipped and must not be" })),
  ];
  passed += result.passed;
  failed += failures.length;
  skipped += result.skipped.length;
  console.log(`${result.file}: ${result.passed} passed, ${failures.length} failed, ${result.skipped.length} skipped`);
  for (const { name, why } of failures) console.log(`  failed ${name}: ${why}`);
  if (result.skipped.length > 0) {
    console.log(`  skipped, not built yet: ${result.skipped.map(({ name }) => name).join(" ")}`);
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0 || results.length === 0) process.exitCode = 1;
