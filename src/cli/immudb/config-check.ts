// immudb config check

import { type Check, type CheckResult, checkConfig } from "../../server/config-check.ts";
import type { ShownSetting } from "../../server/shown-settings.ts";
import { EXIT } from "../exit-codes.ts";
import { printAnswer } from "../output.ts";
import { formatOf } from "./answering.ts";
import type { CommandLine } from "./commands.ts";

const WORD: Readonly<Record<CheckResult, string>> = { ok: "ok", warning: "warning", failed: "FAILED" };

/** Exit code: 0 when a server would start, 2 when not. */
export async function configCheck(line: CommandLine): Promise<number> {
  const { checks, settings } = await checkConfig(line.given, process.env);
  const starts = checks.every(({ result }) => result !== "failed");
  const json = {
    starts,
    checks: checks.map((check) => ({ ...check })),
    settings: settings.map((setting) => ({ ...setting, over: [...setting.over] })),
  };
  printAnswer({ text: [...tableOf(checks), ...settingsTable(settings)], json }, formatOf(line), process.stdout);
  return starts ? EXIT.ok : EXIT.usage;
}

function tableOf(checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  return checks.flatMap(({ subject, result, message, next }) => {
    const start = `${WORD[result].padEnd(8)}${subject.padEnd(width + 2)}`;
    return [`${start}${message}\n`, ...(next === undefined ? [] : [`${" ".repeat(start.length)}next: ${next}\n`])];
  });
}

/** Settings that somebody has made, and where. */
function settingsTable(all: readonly ShownSetting[]): string[] {
  const made = all.filter(({ source }) => source !== "default");
  if (made.length === 0) return all.length === 0 ? [] : ["\nEvery setting has its default.\n"];
  const [names, values] = [widthOf(made.map(({ name }) => name)), widthOf(made.map(({ value }) => value))];
  const rows = made.map(({ name, value, origin, over }) => {
    const from = over.length === 0 ? origin : `${origin}, over ${over.join(", ")}`;
    return `  ${name.padEnd(names)}  ${value.padEnd(values)}  ${from}\n`;
  });
  return ["\nSettings, and where they come from (all others have their default):\n", ...rows];
}

function widthOf(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}
