// Where the lines of the shell come from: a person, who has an editor with a history and TAB, or a script on stdin.

import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { readHistory, remember } from "../line-history.ts";
import type { Terminal } from "../terminal.ts";
import type { NextLine } from "./shell.ts";

/** For readline: what may stand in place of the last word, and that word. */
export type Completer = (line: string) => Promise<[string[], string]>;

/** Lines of a script. */
export function scriptLines(stdin: Readable): NextLine {
  const lines = createInterface({ input: stdin })[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await lines.next();
    return done === true ? undefined : value;
  };
}

/**
 * Lines that somebody types. The editor lives for one line only: while a command runs, that alone reads what is typed (a
 * password, say). Ctrl-C takes the line back, Ctrl-D ends.
 */
export async function typedLines({ stdin, stdout }: Terminal, file: string, completer: Completer): Promise<NextLine> {
  const history = await readHistory(file);
  return async (isFirst) => {
    let isOpen = true;
    const line = await new Promise<string | undefined>((resume) => {
      const editor = createInterface({
        input: stdin,
        output: stdout as unknown as Writable,
        terminal: true,
        history: [...history],
        prompt: isFirst ? "immuclient> " : "> ",
        completer: (text: string, done: (error: null, found: [string[], string]) => void) =>
          void completer(text)
            .catch((): [string[], string] => [[], text])
            // Keys may arrive when the line has been sent already.
            .then((found) => isOpen && done(null, found)),
      });
      const end = (text: string | undefined): void => {
        isOpen = false;
        resume(text);
        editor.close();
      };
      editor.on("line", end);
      editor.on("SIGINT", () => {
        stdout.write("\n");
        end("");
      });
      editor.on("close", () => end(undefined));
      editor.prompt();
    });
    if (line !== undefined) await remember(file, history, line);
    else stdout.write("\n");
    return line;
  };
}
