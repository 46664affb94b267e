// The Python SDK for tests, in a virtual environment of its own. As a program, prints the path of its interpreter:
//
//   $(node scripts/python-env.ts) -c "import immudb"

import { join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { mustRun } from "./run.ts";

const REQUIREMENTS: string = join(import.meta.dirname, "../test/e2e/python/requirements.txt");

/** The interpreter of an environment that holds exactly the pinned packages. Needs python3 3.10 or newer. */
export async function pythonWithSdk(): Promise<string> {
  const folder = await cachedFolder("python", [REQUIREMENTS], async (unfinished) => {
    await mustRun("python3", ["-m", "venv", unfinished]);
    const pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement", REQUIREMENTS];
    await mustRun(join(unfinished, "bin/python"), pip);
  });
  return join(folder, "bin/python");
}

if (import.meta.main) console.log(await pythonWithSdk());
