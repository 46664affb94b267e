#!/usr/bin/env node
import { requireNode } from "./node-version.ts";

requireNode("immuadmin");

const { run } = await import("./immuadmin/program.ts");
process.exitCode = await run(process.argv.slice(2));
