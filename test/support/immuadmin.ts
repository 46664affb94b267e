// immuadmin in this process: what it prints and how it ends, without the time that a process takes to start.

import { run } from "../../src/cli/immuadmin/program.ts";
import type { Sink } from "../../src/cli/output.ts";
import type { Ended } from "./immuclient.ts";

class Text implements Sink {
  text = "";

  write(chunk: string | Uint8Array): void {
    this.text += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
  }
}

/** What is remembered goes to `XDG_STATE_HOME`: the caller sets it, and the variables of the program. */
export async function immuadmin(...args: readonly string[]): Promise<Ended> {
  const [stdout, stderr] = [new Text(), new Text()];
  const exit = await run(args, { stdout, stderr });
  return { exit, stdout: stdout.text, stderr: stderr.text };
}
