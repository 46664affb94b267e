// The interactive shell: lines are split into words, and the words are run as a command line of their own, with the options that
// the shell was started with. A line that ends inside quotes or with a backslash goes on on the next one.

import { Readable } from "node:stream";
import { UsageError } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { splitWords } from "../words.ts";

/** Resolves to the next line; undefined when there are no more. `isFirst`: it begins a command. */
export type NextLine = (isFirst: boolean) => Promise<string | undefined>;

/** Runs the words of a line as a command and resolves to its exit code. */
export type RunWords = (words: readonly string[], terminal: Terminal) => Promise<number>;

const CLEAR = "\u001b[2J\u001b[3J\u001b[H";

/** Runs lines until there are no more. Resolves, for a script, to the exit code of the last command that failed. */
export async function shell(terminal: Terminal, nextLine: NextLine, runWords: RunWords): Promise<number> {
  const isPerson = terminal.stdin.isTTY === true;
  let exit = 0;
  for (;;) {
    const words = await nextWords(nextLine);
    const [name] = words ?? ["exit"];
    if (name === "exit" || name === "quit") return isPerson ? 0 : exit;
    if (name === "clear") terminal.stdout.write(isPerson ? CLEAR : "");
    else if (words !== undefined && words.length > 0)
      exit = (await runWords(words, isPerson ? terminal : withoutStdin(terminal))) || exit;
  }
}

/** undefined at the end. A command that the end cuts off is none. */
async function nextWords(nextLine: NextLine): Promise<string[] | undefined> {
  let text = "";
  for (;;) {
    const line = await nextLine(text === "");
    if (line === undefined) return undefined;
    const words = splitWords(text + line);
    if (words !== undefined) return words;
    text += `${line}\n`;
  }
}

/** What comes next on stdin of a script is its next command, never a value or a password. */
function withoutStdin({ stdout, stderr }: Terminal): Terminal {
  const stdin = new Readable({
    read: () =>
      stdin.destroy(new UsageError("stdin holds commands, nothing else", "give it as an argument or by a file")),
  });
  return { stdin, stdout, stderr };
}
