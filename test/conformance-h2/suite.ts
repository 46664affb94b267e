// Runs h2spec, a suite of tests of HTTP/2 (RFC 9113) and HPACK (RFC 7541), against a server, all of it: strict ones too.

import { goTool } from "../../scripts/go-tool.ts";
import { run } from "../../scripts/run.ts";
import type { SERVERS } from "./servers.ts";

/** How long a test waits for what the server must do, in seconds. */
const WAIT_S = 5;

export interface Outcome {
  readonly total: number;
  readonly passed: number;
  readonly seconds: number;
  /** All that h2spec printed. */
  readonly output: string;
}

export async function runH2spec(server: (typeof SERVERS)[string]): Promise<Outcome> {
  const h2spec = await goTool("h2spec");
  await using listening = await server.start();
  const began = performance.now();
  const args = ["--strict", "--host", "127.0.0.1", "--port", `${listening.port}`, "--timeout", `${WAIT_S}`];
  const { output } = await run(h2spec, [...args, ...server.args]);
  return { ...readReport(output), seconds: (performance.now() - began) / 1000, output };
}

/** Throws when h2spec did not run to its end. */
export function readReport(output: string): Pick<Outcome, "total" | "passed"> {
  const counts = /^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$/m.exec(output)?.slice(1).map(Number);
  const [total = 0, passed = 0, skipped = 0, failed = 0] = counts ?? [];
  if (total === 0 || passed + skipped + failed !== total) throw new Error(`h2spec did not run to its end:\n${output}`);
  return { total, passed };
}

export function summary(name: string, { total, passed, seconds }: Outcome): string {
  return `conformance:h2 ${name}: ${passed} of ${total} tests passed (${seconds.toFixed(1)} s)`;
}
