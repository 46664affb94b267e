#!/usr/bin/env node
import { requireNode } from "./node-version.ts";

requireNode("immuclient");

// Whoever reads our answers may stop early, as `head` does: nobody is left to tell, so that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") process.stderr.write(`error: the answer cannot be written: ${error.message}\n`);
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const { run } = await import("./immuclient/program.ts");
process.exitCode = await run(process.argv.slice(2));
