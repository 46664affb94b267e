// SQL. The names are taken so that a script is told what is missing, not that it made a mistake.

import type { Command } from "commander";
import { NotBuiltError } from "../exit-codes.ts";
import type { Run } from "./run.ts";

const COMMANDS: readonly (readonly [usage: string, alias: string | undefined, description: string])[] = [
  ["exec <statement>", undefined, "run SQL statements that write"],
  ["query <statement>", "q", "run an SQL query"],
  ["tables", undefined, "list the tables"],
  ["describe <table>", "table", "list the columns of a table"],
];

export function addSqlCommands(program: Command, run: Run): void {
  program.commandsGroup("SQL:");
  for (const [usage, alias, description] of COMMANDS) {
    const command = program.command(usage).description(`${description} (not built yet)`);
    if (alias !== undefined) command.alias(alias);
    command.action(() =>
      run(() => {
        throw new NotBuiltError(`${command.name()} is not built yet: this version has no SQL`);
      }),
    );
  }
}
