import type { Command } from "commander";
import { health } from "./health.ts";
import { info } from "./info.ts";
import type { Run } from "./run.ts";

export function addServerCommands(program: Command, run: Run): void {
  program.commandsGroup("Server:");
  program
    .command("health")
    .description("show whether the server works; needs no login")
    .action(() => run(health));
  program
    .command("info")
    .description("show what the server says about itself; needs no login")
    .action(() => run(info));
}
