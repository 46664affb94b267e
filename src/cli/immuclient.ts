#!/usr/bin/env node
import { allowEarlyReader } from "./early-reader.ts";
import { requireNode } from "./node-version.ts";

requireNode("immuclient");

allowEarlyReader();

const { run } = await import("./immuclient/program.ts");
process.exitCode = await run(process.argv.slice(2));
