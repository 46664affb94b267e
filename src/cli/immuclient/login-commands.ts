import type { Command } from "commander";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import type { Run } from "./run.ts";
import { use } from "./use.ts";

export function addLoginCommands(program: Command, run: Run): void {
  program.commandsGroup("Login:");
  program
    .command("login <user>")
    .alias("l")
    .description(
      "log in and remember it; the password comes from --password-stdin, --password-file, IMMUCLIENT_PASSWORD or a prompt",
    )
    .action((user: string) => run((connection) => login(connection, user)));
  program
    .command("logout")
    .alias("x")
    .description("end the login and forget it")
    .action(() => run(logout));
  program
    .command("use <database>")
    .description("choose the database for the commands that follow")
    .action((database: string) => run((connection) => use(connection, database)));
}
