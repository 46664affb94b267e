// Programs in Go that tests run, built on first use from the versions and sums of test/conformance-tools. As a program,
// prints the path of one:
//
//   $(node scripts/go-tool.ts h2spec) --help

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { mustRun } from "./run.ts";

/** Older ones neither know what go.mod says nor fetch the Go that it asks for. */
const GO_MINOR_MIN = 21;
const MODULE: string = join(import.meta.dirname, "../test/conformance-tools");
const PACKAGES = {
  connectconformance: "connectrpc.com/conformance/cmd/connectconformance",
  h2spec: "github.com/summerwind/h2spec/cmd/h2spec",
};

/** There is no Go that could build a program; the message says what to install. */
class MissingGo extends Error {}

/** Path of the program, which is built now if it is not there. Throws MissingGo when it cannot be. */
export async function goTool(name: keyof typeof PACKAGES): Promise<string> {
  const inputs = ["go.mod", "go.sum"].map((file) => join(MODULE, file));
  const folder = await cachedFolder(`go-${name}`, inputs, async (unfinished) => {
    const missing = missingGo();
    if (missing !== undefined) throw new MissingGo(`${missing}: install Go 1.${GO_MINOR_MIN} or newer for ${name}`);
    await mustRun("go", ["build", "-mod=readonly", "-trimpath", "-o", join(unfinished, name), PACKAGES[name]], MODULE);
  });
  return join(folder, name);
}

/** Why there is no Go that could build the programs; undefined when there is. */
export function missingGo(): string | undefined {
  const { error, stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  if (error !== undefined) return "no go on the PATH";
  const minor = Number(/^go1\.(\d+)/.exec(stdout)?.[1] ?? GO_MINOR_MIN);
  return minor < GO_MINOR_MIN ? `the go on the PATH is ${stdout.trim()}` : undefined;
}

/** Ends a program that cannot go on without Go, with one sentence; throws every other error on. */
export function endWithoutGo(error: unknown): never {
  if (!(error instanceof MissingGo)) throw error;
  console.error(error.message);
  process.exit(1);
}

if (import.meta.main) console.log(await goTool(process.argv[2] as keyof typeof PACKAGES).catch(endWithoutGo));
