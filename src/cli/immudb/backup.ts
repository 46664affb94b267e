// immudb backup

import { backUp } from "../../server/backup.ts";
import { Progress } from "../progress.ts";
import { answering, directoryOf } from "./answering.ts";
import type { CommandLine } from "./commands.ts";

export function backup(line: CommandLine): Promise<number> {
  return answering(line, async () => {
    const progress = new Progress(process.stderr);
    const [directory, target] = [directoryOf(line), line.options["to"] ?? ""];
    try {
      const onDatabase = (name: string, done: number, all: number): void => progress.show(name, done, all);
      const databases = await backUp({ directory, target, onDatabase });
      const text = [`${databases.length} databases of ${directory} are in ${target}: ${databases.join(", ")}\n`];
      return { text, json: { directory, target, databases } };
    } finally {
      progress.end();
    }
  });
}
