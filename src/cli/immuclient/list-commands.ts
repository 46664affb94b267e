import type { Command } from "commander";
import { count } from "./count.ts";
import { history } from "./history.ts";
import { parseCount, parseScore } from "./numbers.ts";
import type { Run } from "./run.ts";
import { type ScanOptions, scan } from "./scan.ts";
import { type ZScanOptions, zscan } from "./zscan.ts";

export function addListCommands(program: Command, run: Run): void {
  program.commandsGroup("Lists:");
  addPages(program.command("scan [prefix]").alias("scn"))
    .description("list the entries whose keys begin with a prefix, by key")
    .option("--desc", "from the last key to the first")
    .action((prefix: string | undefined, options: ScanOptions) =>
      run((connection) => scan(connection, prefix ?? "", options)),
    );
  program
    .command("count [prefix]")
    .alias("cnt")
    .description("tell how many keys begin with a prefix")
    .action((prefix: string | undefined) => run((connection) => count(connection, prefix ?? "")));
  addPages(program.command("history <key>").alias("h"))
    .description("list all revisions of a key, deletions included, oldest first")
    .option("--desc", "latest first")
    .action((key: string, options: ScanOptions) => run((connection) => history(connection, key, options)));
  addPages(program.command("zscan <set>").alias("zscn"))
    .description("list the members of a sorted set: scores from 0 up, then the negative ones, -1 before -2")
    .option("--min-score <score>", "leave out lower scores", parseScore)
    .option("--max-score <score>", "leave out higher scores", parseScore)
    .action((set: string, options: ZScanOptions) => run((connection) => zscan(connection, set, options)));
}

function addPages(command: Command): Command {
  return command
    .option("--limit <count>", "most entries to list (default: all there are)", parseCount)
    .option("--offset <count>", "how many to pass over first", parseCount);
}
