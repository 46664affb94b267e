// Tools that npm cannot bring. A test that needs one says so first; without it the test is skipped, with the reason, on
// a developer's machine, and fails where CI=true: there a skip would hide that nothing was tested.

import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";
import { missingGo } from "../../scripts/go-tool.ts";
import { missingBrowser } from "./chromium.ts";

export type Tool = "python3" | "go" | "curl" | "browser";

/** Why the tool cannot be had here; undefined when it can. */
const MISSING: Readonly<Record<Tool, () => string | undefined>> = {
  python3: () => missingProgram("python3", "--version"),
  go: missingGo,
  curl: () => missingProgram("curl", "--version"),
  browser: missingBrowser,
};

/**
 * Whether the tool is here: `if (!requireTool("go", t)) return;`. If not, the test is marked as skipped; under CI it
 * throws instead.
 */
export function requireTool(tool: Tool, t: TestContext): boolean {
  const reason = MISSING[tool]();
  if (reason === undefined) return true;
  if (process.env["CI"] === "true") throw new Error(`${tool} is missing, and CI=true allows no skip: ${reason}`);
  t.skip(reason);
  return false;
}

function missingProgram(name: string, versionArgument: string): string | undefined {
  const { error, status } = spawnSync(name, [versionArgument], { stdio: "ignore" });
  return error === undefined && status === 0 ? undefined : `no ${name} on the PATH`;
}
