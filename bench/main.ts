// `npm run bench`: what calls cost, over real connections, against a real server in a process of its own, with all checks on
// and answers verified. docs/performance.md says how to read it.
//
//   npm run bench -- --quick
//   npm run bench -- --built                 the programs that `npm run build` makes, built anew
//   npm run bench -- --workloads get,set --output json --out get-set.json
//   npm run bench -- --address 127.0.0.1:3322 --pid 4711
//   npm run bench -- --show get-set.json
//   npm run bench -- --server-flags "--transport=node"

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { hasH2load } from "./load/h2load.ts";
import { tables } from "./report.ts";
import type { Conditions, Report } from "./result.ts";
import { NAMES, type Plan, runSuite } from "./suite.ts";

const { values: flags } = parseArgs({
  options: {
    workloads: { type: "string" },
    quick: { type: "boolean", default: false },
    seconds: { type: "string", default: "3" },
    address: { type: "string" },
    pid: { type: "string" },
    program: { type: "string" },
    built: { type: "boolean", default: false },
    label: { type: "string" },
    "server-flags": { type: "string", default: "" },
    keys: { type: "string" },
    client: { type: "string", default: "own" },
    output: { type: "string", default: "table" },
    out: { type: "string" },
    list: { type: "boolean", default: false },
    show: { type: "string" },
  },
});

if (flags.list) {
  console.log(NAMES.join("\n"));
} else if (flags.show !== undefined) {
  console.log(tables(JSON.parse(readFileSync(flags.show, "utf8"))));
} else {
  useNodeSha256();
  const report = await run(planOf());
  const json = JSON.stringify(report, (_, value) => (typeof value === "number" ? rounded(value) : value));
  if (flags.out !== undefined) writeFileSync(flags.out, `${json}\n`);
  console.log(flags.output === "json" ? json : tables(report));
}

function planOf(): Plan {
  const { quick, address } = flags;
  const program = flags.built ? built() : flags.program;
  const names = flags.workloads?.split(",").map((name) => name.trim());
  const unknown = names?.filter((name) => !NAMES.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(", ")}; --list names them all`);
  const turns = quick ? 1 : 3;
  const turnMs = quick ? 300 : (Number(flags.seconds) * 1000) / turns;
  return {
    subject: {
      address,
      program,
      pid: flags.pid === undefined ? undefined : Number(flags.pid),
      flags: flags["server-flags"].split(" ").filter((flag) => flag !== ""),
    },
    client: flags.client === "h2load" && hasH2load() ? "h2load" : "own",
    wants: (name) => names === undefined || names.includes(name),
    warmUpMs: quick ? 200 : 1000,
    turns,
    turnMs,
    bulkMs: quick ? 1000 : 8000,
    million: {
      keys: Number(flags.keys ?? (quick ? 100_000 : 1_000_000)),
      starts: quick ? 1 : 3,
      spellMs: quick ? 300 : 3000,
    },
    records: quick ? "few" : "all",
    progress: (text) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${text}\r`),
  };
}

/** Builds the programs from the sources as they are now. Returns that of the server. */
function built(): string {
  const root = fileURLToPath(new URL("../", import.meta.url));
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return join(root, "dist/immudb.js");
}

function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4));
}

async function run(plan: Plan): Promise<Report> {
  const [before = 0] = loadavg();
  const { results, memory } = await runSuite(plan);
  const [after = 0] = loadavg();
  const processors = cpus();
  const { address, program, flags: serverFlags } = plan.subject;
  const conditions: Conditions = {
    date: new Date().toISOString().slice(0, 16),
    node: process.version,
    processors: `${processors.length} × ${processors[0]?.model}`,
    loadAverage: { before, after },
    server: flags.label ?? [address ?? (flags.built ? "built" : (program ?? "sources")), ...serverFlags].join(" "),
    client: plan.client,
    secondsPerWorkload: (plan.turns * plan.turnMs) / 1000,
  };
  return { conditions, results, memory };
}
