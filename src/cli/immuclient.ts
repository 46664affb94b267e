#!/usr/bin/env node
import { requireNode } from "./node-version.ts";

requireNode("immuclient");
const { run } = await import("./immuclient/program.ts");
process.exitCode = await run(process.argv.slice(2));
