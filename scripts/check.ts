// `npm run check`: everything that can be said about the sources without running them. The checks do not depend on each
// other and run at the same time; one that fails shows what it printed.

import { run } from "./run.ts";

const CHECKS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  "schema: style": ["npm", "run", "--silent", "schema:lint"],
  "schema: no breaking change": ["npm", "run", "--silent", "schema:breaking"],
  "schema: generated code is fresh": ["npm", "run", "--silent", "schema:check"],
  "import table: rules are fresh": ["node", "scripts/rules.ts", "--check"],
  "lint and format": ["biome", "ci", "--colors=off", "--error-on-warnings", "."],
  types: ["tsc", "--project", "tsconfig.json"],
  "types: portable rooms": ["tsc", "--project", "tsconfig.portable.json"],
  "nothing unused": ["knip", "--no-progress"],
};

const results = Object.entries(CHECKS).map(async ([name, [program, ...args]]) => {
  const started = performance.now();
  const { code, output } = await run(program, args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) console.log(`ok      ${name} (${seconds} s)`);
  else console.log(`FAILED  ${name} (${seconds} s): ${program} ${args.join(" ")}\n${output}`);
  return code === 0;
});
if ((await Promise.all(results)).includes(false)) process.exitCode = 1;
