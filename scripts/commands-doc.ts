// Writes docs/commands.md and docs/immuadmin-commands.md from the commands of immuclient and immuadmin as they are defined. A test
// fails when a file is stale.
//
//   node scripts/commands-doc.ts

import { writeFileSync } from "node:fs";
import type { Argument, Command, Option } from "commander";
import { buildProgram as buildImmuadmin } from "../src/cli/immuadmin/program.ts";
import { addShell, buildProgram } from "../src/cli/immuclient/program.ts";

export const COMMANDS_DOC: URL = new URL("../docs/commands.md", import.meta.url);
export const IMMUADMIN_COMMANDS_DOC: URL = new URL("../docs/immuadmin-commands.md", import.meta.url);

const INTRODUCTION = `# Commands of immuclient

<!-- Written by scripts/commands-doc.ts from the commands in src/cli/immuclient: change those, not this file. -->

\`immuclient [options] COMMAND [arguments]\`; options may stand before or after the command. What answers look like, where logins
and trusted states are kept, and what the exit codes mean: [clients.md](clients.md).
`;

/** The whole document. */
export function commandsDoc(): string {
  const nobody = { write: () => true, once: () => undefined };
  const program = buildProgram(async () => {}, { stdout: nobody, stderr: nobody });
  addShell(program, async () => {});
  const groups = Map.groupBy(program.commands, (command) => command.helpGroup());
  const sections = [...groups].map(
    ([title, commands]) => `\n## ${title.replace(/:$/, "")}\n\n${commandTable(commands)}\n`,
  );
  return `${INTRODUCTION}${sections.join("")}\n## Options of every command\n\n${optionTable(program.options)}\n`;
}

const IMMUADMIN_INTRODUCTION = `# Commands of immuadmin

<!-- Written by scripts/commands-doc.ts from the commands in src/cli/immuadmin: change those, not this file. -->

\`immuadmin [options] COMMAND [arguments]\`; options may stand before or after the command. What they are for, with examples:
[immuadmin.md](immuadmin.md).
`;

/** The whole document of immuadmin: a section for each family of commands. */
export function immuadminCommandsDoc(): string {
  const nobody = { write: () => true };
  const program = buildImmuadmin(async () => {}, { stdout: nobody, stderr: nobody });
  const families = program.commands.filter(({ commands }) => commands.length > 0);
  const single = program.commands.filter(({ commands }) => commands.length === 0);
  const sections = families.map(
    (family) => `\n## ${family.name()}\n\nShort: ${names(family.aliases())}\n\n${commandTable(family.commands)}\n`,
  );
  const options = `\n## Options of every command\n\n${optionTable(program.options)}\n`;
  return `${IMMUADMIN_INTRODUCTION}\n## Server\n\n${commandTable(single)}\n${sections.join("")}${options}`;
}

function commandTable(commands: readonly Command[]): string {
  const rows = commands.map((command) => {
    const usage = [command.name(), ...command.registeredArguments.map(argumentText)].join(" ");
    const options = command.options.map(({ flags, description }) => `<br>\`${flags}\`: ${description}`);
    return row(`\`${usage}\``, names(command.aliases()), command.description() + options.join(""));
  });
  return [row("command", "short", "does"), row("---", "---", "---"), ...rows].join("\n");
}

function argumentText(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map(({ flags, envVar, description, argChoices, defaultValue }) => {
    const choices = argChoices === undefined ? "" : `: ${names(argChoices)}`;
    const initial = defaultValue === undefined || defaultValue === false ? "" : `\`${defaultValue}\``;
    return row(`\`${flags}\``, envVar === undefined ? "" : `\`${envVar}\``, initial, description + choices);
  });
  return [row("option", "variable", "default", "meaning"), row("---", "---", "---", "---"), ...rows].join("\n");
}

function names(all: readonly string[]): string {
  return all.map((name) => `\`${name}\``).join(", ");
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (import.meta.main) {
  writeFileSync(COMMANDS_DOC, commandsDoc());
  writeFileSync(IMMUADMIN_COMMANDS_DOC, immuadminCommandsDoc());
}
