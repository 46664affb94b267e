import { join } from "node:path";
import type { Command } from "commander";
import { stateDirectory } from "../../client/node.ts";
import { printableText } from "../output.ts";
import type { Connection } from "./connection.ts";
import { type RunWords, shell } from "./shell.ts";
import { complete } from "./shell-completion.ts";
import { scriptLines, typedLines } from "./shell-lines.ts";

const KEYS_OFFERED = 50n;

/** The shell of a program, over the connection that its options describe. */
export async function startShell(connection: Connection, program: Command, runWords: RunWords): Promise<number> {
  const { terminal } = connection;
  const { stdin, stdout } = terminal;
  if (stdin.isTTY !== true) return shell(terminal, scriptLines(stdin), runWords);
  const findKeys = async (prefix: string): Promise<string[]> => {
    const entries = await connection.run((client) => client.scan({ prefix, limit: KEYS_OFFERED }));
    return entries.flatMap(({ key, referencedBy }) => printableText(referencedBy?.key ?? key) ?? []);
  };
  stdout.write("TAB completes, help lists the commands, exit or Ctrl-D ends.\n");
  const history = join(stateDirectory(), "history");
  const lines = await typedLines(terminal, history, (line) => complete(program, line, findKeys));
  return shell(terminal, lines, runWords);
}
