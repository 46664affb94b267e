// Replays recorded behaviour against a server that is already running. The server must be a throw-away one: the replayer
// creates databases and users in it.
//
//   npm run replay -- [--filter RE] [--strict] [--quiet] [--user U --password P] HOST PORT [CORPUS.jsonl …]
//
// Exit status: 0 every step matched, 1 a difference, 2 usage, or no case ran.

import { parseArgs } from "node:util";
import { readCases } from "./corpus.ts";
import { describeFailures, judgeCase } from "./judge.ts";
import { loadSchema } from "./schema.ts";
import { Target } from "./target.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: "string", default: "" },
    strict: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    user: { type: "string", default: "immudb" },
    password: { type: "string", default: "immudb" },
  },
});
const [host, port, ...files] = positionals;
if (host === undefined || port === undefined) {
  console.error("usage: npm run replay -- [--filter RE] [--strict] [--quiet] HOST PORT [CORPUS.jsonl …]");
  process.exit(2);
}
const corpora = files.length > 0 ? files : [new URL("corpus/kv.jsonl", import.meta.url)];
const filter = new RegExp(values.filter);
const cases = corpora.flatMap((file) => readCases(file)).filter((recorded) => filter.test(recorded.name));
const target = new Target(host, Number(port), loadSchema());

let passed = 0;
let failed = 0;
let casesFailed = 0;
for (const recorded of cases) {
  const verdict = await judgeCase(target, recorded, values, values.strict);
  passed += verdict.passed;
  failed += verdict.failures.length;
  if (verdict.failures.length > 0) casesFailed += 1;
  console.log(`${verdict.failures.length === 0 ? "ok  " : "FAIL"} ${recorded.name} (${verdict.passed} steps)`);
  if (!values.quiet && verdict.failures.length > 0) console.log(describeFailures(recorded, verdict));
}
target.close();
console.log(`${cases.length} cases, ${casesFailed} with differences`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = cases.length === 0 ? 2 : failed > 0 ? 1 : 0;
