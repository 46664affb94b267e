import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

const SCRIPT = join(import.meta.dirname, "../../../scripts/preflight.mjs");

/** A project folder with only the script in it. */
const bare = mkdtempSync(join(tmpdir(), "preflight-"));
mkdirSync(join(bare, "scripts"));
cpSync(SCRIPT, join(bare, "scripts/preflight.mjs"));
after(() => rmSync(bare, { recursive: true }));

/** Runs the preflight as if by a Node of this version. */
function preflight(folder: string, nodeVersion: string, byNpm = true): { status: number | null; stderr: string } {
  const pretend = `Object.defineProperty(process, "versions", { value: { node: "${nodeVersion}" } })`;
  const { npm_lifecycle_event: _, ...env } = process.env;
  return spawnSync(process.execPath, ["--import", `data:text/javascript,${pretend}`, "scripts/preflight.mjs"], {
    cwd: folder,
    encoding: "utf8",
    env: byNpm ? { ...env, npm_lifecycle_event: "start" } : env,
  });
}

describe("the preflight", () => {
  test("says to install when nothing is installed", () => {
    const { status, stderr } = preflight(bare, "24.21.0");
    assert.equal(status, 1);
    assert.match(stderr, /not installed.*npm ci/s);
  });

  test("says how to get the right Node when install scripts are switched off", () => {
    mkdirSync(join(bare, "node_modules"), { recursive: true });
    writeFileSync(join(bare, "node_modules/.package-lock.json"), "{}");
    const { status, stderr } = preflight(bare, "20.20.2");
    assert.equal(status, 1);
    assert.match(stderr, /Node 20\.20\.2.*npm rebuild node --ignore-scripts=false/s);
  });

  test("says to go through npm when it was run without", () => {
    assert.match(preflight(bare, "20.20.2", false).stderr, /through npm/);
  });

  test("is silent when all is well", () => {
    assert.deepEqual(preflight(join(SCRIPT, "../.."), "24.0.0").stderr, "");
    assert.equal(preflight(bare, "26.1.0").status, 0);
  });
});
