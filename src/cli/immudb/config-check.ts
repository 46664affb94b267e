// immudb config check

import { type Check, type CheckResult, checkConfig } from "../../server/config-check.ts";
import { EXIT } from "../exit-codes.ts";
import { printAnswer } from "../output.ts";
import { formatOf } from "./answering.ts";
import type { CommandLine } from "./commands.ts";

const WORD: Readonly<Record<CheckResult, string>> = { ok: "ok", warning: "warning", failed: "FAILED" };

/** Exit code: 0 when a server would start, 2 when not. */
export async function configCheck(line: CommandLine): Promise<number> {
  const checks = await checkConfig(line.given, process.env);
  const starts = checks.every(({ result }) => result !== "failed");
  const json = { starts, checks: checks.map((check) => ({ ...check })) };
  printAnswer({ text: tableOf(checks), json }, formatOf(line), process.stdout);
  return starts ? EXIT.ok : EXIT.usage;
}

function tableOf(checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  return checks.flatMap(({ subject, result, message, next }) => {
    const start = `${WORD[result].padEnd(8)}${subject.padEnd(width + 2)}`;
    return [`${start}${message}\n`, ...(next === undefined ? [] : [`${" ".repeat(start.length)}next: ${next}\n`])];
  });
}
