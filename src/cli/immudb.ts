#!/usr/bin/env node
// The server, and the commands that work on its data. This file runs on any Node, to say plainly that a newer one is needed.

import { allowEarlyReader } from "./early-reader.ts";

const NODE_MAJOR_MIN = 24;

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  process.stderr.write(`immudb needs Node ${NODE_MAJOR_MIN} or newer, and this is ${process.version}.\n`);
  process.exit(1);
}

// A server starts itself again before anything else is loaded.
const { isServer } = await import("./immudb/commands.ts");
const args = process.argv.slice(2);
if (isServer(args)) (await import("./steady-memory.ts")).steadyMemory();
// What V8 made of the built programs is kept beside them, where only those can write who could write the programs as well;
// not where Node would put it, in a directory for everyone. Where this process cannot write, it is made anew each time.
if (import.meta.filename.endsWith(".js")) {
  const { enableCompileCache } = await import("node:module");
  enableCompileCache(`${import.meta.dirname}/compile-cache`);
}
const { parseArguments } = await import("./immudb-arguments.ts");
const parsed = parseArguments(args, {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
if (parsed.kind === "exit") process.exit(parsed.code);
if (parsed.kind === "command") {
  allowEarlyReader();
  process.exit(await parsed.command.run(parsed));
}
const { runServer } = await import("../server/run.ts");
process.exit(await runServer(parsed.given));
