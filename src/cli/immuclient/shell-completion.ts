// What a TAB offers: names of commands, options of the command, and keys of the database where the command takes one.

import type { Command } from "commander";

/** Keys that begin with a text, some of them. */
export type FindKeys = (prefix: string) => Promise<readonly string[]>;

const TAKES_KEY = /^(key|prefix)/;

/** For `readline`: what may stand in place of the last word of the line, and that word. */
export async function complete(program: Command, line: string, findKeys: FindKeys): Promise<[string[], string]> {
  const words = line.split(/\s+/).filter((word, at, all) => word !== "" || at === all.length - 1);
  const last = words.at(-1) ?? "";
  const offered = (all: readonly string[]): [string[], string] => [all.filter((one) => one.startsWith(last)), last];
  if (words.length <= 1) return offered([...program.commands.map((command) => command.name()), "exit", "clear"]);
  const command = program.commands.find((one) => one.name() === words[0] || one.aliases().includes(words[0] ?? ""));
  if (command === undefined) return offered([]);
  if (last.startsWith("-")) {
    return offered([...command.options, ...program.options].flatMap(({ long }) => long ?? []));
  }
  const takesKey = command.registeredArguments.some((argument) => TAKES_KEY.test(argument.name()));
  return offered(takesKey ? (await findKeys(last)).flatMap(asWord) : []);
}

/** A key as it has to be typed; nothing for one of several lines. */
function asWord(key: string): string[] {
  return /[\r\n]/.test(key) ? [] : [key.replaceAll(/[\s\\'"]/g, "\\$&")];
}
