#!/usr/bin/env node
// The server, and the commands that work on its data. This file runs on any Node, to say plainly that a newer one is needed.

import { allowEarlyReader } from "./early-reader.ts";

const NODE_MAJOR_MIN = 24;

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  process.stderr.write(`immudb needs Node ${NODE_MAJOR_MIN} or newer, and this is ${process.version}.\n`);
  process.exit(1);
}

const { parseArguments } = await import("./immudb-arguments.ts");
const parsed = parseArguments(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
if (parsed.kind === "exit") process.exit(parsed.code);
if (parsed.kind === "command") {
  allowEarlyReader();
  process.exit(await parsed.command.run(parsed));
}
const { steadyMemory } = await import("./steady-memory.ts");
steadyMemory();
const { runServer } = await import("../server/run.ts");
process.exit(await runServer(parsed.given));
