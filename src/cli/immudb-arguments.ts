// The command line of the server: options made from the table of flags, so that nothing can be said here that the table
// does not know.

import { Command, CommanderError, Option } from "commander";
import type { Flag, FlagEffect } from "../server/flag.ts";
import { ALL_FLAGS, FLAGS } from "../server/flags.ts";
import { addCompletion } from "./completion.ts";
import { EXIT } from "./exit-codes.ts";
import { type CommandLine, SUBCOMMANDS, type Subcommand } from "./immudb/commands.ts";
import { versionText } from "./version-text.ts";

export type Arguments =
  /** Flags by name; `true` for one without a value. */
  | { readonly kind: "serve"; readonly given: ReadonlyMap<string, string | true> }
  | ({ readonly kind: "command"; readonly command: Subcommand } & CommandLine)
  /** Everything has been said. */
  | { readonly kind: "exit"; readonly code: number };

export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/** Parses what follows the program's name. */
export function parseArguments(args: readonly string[], output: Output): Arguments {
  let serve = false;
  let named: { readonly command: Subcommand; readonly options: CommandLine["options"] } | undefined;
  const program = new Command("immudb")
    .description(
      "Tamper-evident database server. Every flag can also be set as IMMUDB_NAME in the environment, or by name in a configuration file.",
    )
    .exitOverride()
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      // It may be a secret, and the name of its flag mistyped.
      outputError: (text, write) => write(text.replace(/^(error: unknown option '[^=']*)=.*'$/ms, "$1'")),
    })
    .showHelpAfterError("(immudb --help lists all flags)")
    .action(() => {
      serve = true;
    });
  for (const [section, flags] of Object.entries(FLAGS)) {
    program.optionsGroup(`${section}:`);
    for (const flag of flags) program.addOption(optionOf(flag));
  }
  program
    .command("version")
    .description("print the version")
    .action(() => output.out(versionText("immudb for TypeScript")));
  for (const command of SUBCOMMANDS) {
    addSubcommand(program, command, (options) => {
      named = { command, options };
    });
  }
  addCompletion(program, output.out);
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return { kind: "exit", code: exitCodeOf(error, args) };
    throw error;
  }
  if (named !== undefined) return { kind: "command", ...named, given: givenFlags(program) };
  return serve ? { kind: "serve", given: givenFlags(program) } : { kind: "exit", code: 0 };
}

/** The server's own command line has always ended with 1; commands keep 1 for what goes wrong while they run. */
function exitCodeOf(error: CommanderError, args: readonly string[]): number {
  const first = args.find((arg) => SUBCOMMANDS.some(({ name }) => name.split(" ")[0] === arg));
  return error.exitCode !== 0 && first !== undefined ? EXIT.usage : error.exitCode;
}

function addSubcommand(program: Command, command: Subcommand, found: (options: CommandLine["options"]) => void): void {
  const words = command.name.split(" ");
  const last = words.pop() ?? "";
  let parent = program;
  for (const word of words) {
    parent = parent.commands.find((known) => known.name() === word) ?? parent.command(word);
  }
  const made = parent.command(last).description(command.description);
  /** Names of the options by what the library calls them. */
  const names = new Map<string, string>();
  for (const { name, meaning, choices, default: initial, required } of command.options) {
    const option = new Option(`--${name} <${choices?.join("|") ?? name}>`, meaning);
    if (choices !== undefined) option.choices(choices);
    if (initial !== undefined) option.default(initial);
    made.addOption(option.makeOptionMandatory(required === true));
    names.set(option.attributeName(), name);
  }
  made.action((options: Record<string, string>) =>
    found(Object.fromEntries(Object.entries(options).map(([key, value]) => [names.get(key) ?? key, value]))),
  );
}

const EFFECT_IN_HELP: Readonly<Record<FlagEffect["kind"], string>> = {
  works: "",
  later: "; no effect yet",
  idle: "; no effect",
  refused: "; refused",
  renamed: "",
};

function optionOf(flag: Flag): Option {
  const { name, short, type, meaning, effect } = flag;
  const value = type === "boolean" ? "[true|false]" : `<${type}>`;
  const flags = `${short === undefined ? "" : `-${short}, `}--${name} ${value}`;
  const initial = flag.default === "" ? "" : ` (default ${flag.default})`;
  const option = new Option(flags, `${meaning}${initial}${EFFECT_IN_HELP[effect.kind]}`);
  // A short option takes `-p=3322` as well as `-p 3322`; what comes here is then `=3322`.
  return short === undefined ? option : option.argParser((text: string) => text.replace(/^=/, ""));
}

function givenFlags(program: Command): Map<string, string | true> {
  const given = new Map<string, string | true>();
  const options = new Map(program.options.map((option) => [option.long, option]));
  for (const { name } of ALL_FLAGS) {
    const attribute = options.get(`--${name}`)?.attributeName() ?? "";
    if (program.getOptionValueSource(attribute) !== "cli") continue;
    const value: unknown = program.getOptionValue(attribute);
    // The library reads a flag called no-… as the negation of another one.
    given.set(name, typeof value === "string" ? value : true);
  }
  return given;
}
