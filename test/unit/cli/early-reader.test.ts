import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const PROGRAMS = join(import.meta.dirname, "../../../src/cli");

for (const program of ["immuclient.ts", "immuadmin.ts"]) {
  test(`${program} ends quietly when nobody reads its answer to the end`, async () => {
    const child = spawn(process.execPath, [join(PROGRAMS, program), "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.equal(complaint, "");
    assert.equal(code, 0);
  });
}
