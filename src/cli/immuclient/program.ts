// immuclient: talks to a server from the command line, for people and for scripts.
//
//   arguments, IMMUCLIENT_* ──▶ Options ──▶ command(connection, arguments) ──▶ Answer ──▶ stdout      exit 0
//                                                     └────── error ─────────▶ Failure ──▶ stderr      exit 1..5

import { Command, CommanderError, Option } from "commander";
import { addCompletion } from "../completion.ts";
import { EXIT, failureOf, UsageError } from "../exit-codes.ts";
import { printAnswers } from "../listing.ts";
import { type ClientFormat, printFailure, printWarning } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { versionText } from "../version-text.ts";
import { Connection, type Options, serverAddress } from "./connection.ts";
import { addConnectionOptions } from "./connection-options.ts";
import { addEntryCommands } from "./entry-commands.ts";
import { addLinkCommands } from "./link-commands.ts";
import { addListCommands } from "./list-commands.ts";
import { addLoginCommands } from "./login-commands.ts";
import { addProofCommands } from "./proof-commands.ts";
import type { Run } from "./run.ts";
import { addServerCommands } from "./server-commands.ts";
import { addSqlCommands } from "./sql-commands.ts";

const EXAMPLES = `
Examples:
  immuclient login immudb                     asks for the password
  immuclient set balance:42 100
  immuclient safeset balance:42 100           writes, and checks the proof that it was written
  immuclient safeget balance:42               reads, and checks the proof of what was read
  immuclient get balance:42@1                 first revision; @-1 is the one before the latest
  immuclient --output json safeget balance:42
  immuclient scan balance: --limit 10 --output table
  IMMUCLIENT_USERNAME=immudb immuclient --password-file secret.txt get balance:42

Exit codes: 0 done, 1 error, 2 usage, 3 not found, 4 login or permission, 5 verification failed.`;

const PASSWORD_WARNING =
  "--password shows in process lists; use --password-stdin, --password-file or IMMUCLIENT_PASSWORD";

/** Runs one command line and returns the exit code. Prints to the streams of the process unless told otherwise. */
export function run(args: readonly string[], terminal: Terminal = process): Promise<number> {
  return runWith(undefined, args.length === 0 && terminal.stdin.isTTY === true ? ["it"] : args, terminal);
}

/** `outer`: options of the shell that the line was typed in; the line's own come first. */
async function runWith(outer: Options | undefined, args: readonly string[], terminal: Terminal): Promise<number> {
  const { stderr } = terminal;
  let format: ClientFormat = "text";
  let address = "";
  let exit = EXIT.ok as number;
  const connected = async (work: (connection: Connection) => Promise<void>): Promise<void> => {
    const options = optionsOf(program, outer);
    format = formatOf(options);
    address = serverAddress(options);
    if (program.getOptionValueSource("password") === "cli") printWarning(PASSWORD_WARNING, format, stderr);
    await using connection = new Connection(options, "immuclient", terminal);
    await work(connection);
  };
  const program = buildProgram(
    (work) => connected(async (connection) => printAnswers(await work(connection), format, terminal)),
    terminal,
  );
  addShell(program, () =>
    connected(async (connection) => {
      if (outer !== undefined) throw new UsageError("this is the shell already");
      const { startShell } = await import("./shell-start.ts");
      exit = await startShell(connection, program, (words, inner) => runWith(connection.options, words, inner));
    }),
  );
  try {
    await program.parseAsync(args, { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error, address);
    printFailure(failure, format, stderr);
    return failure.exit;
  }
}

function optionsOf(program: Command, outer: Options | undefined): Options {
  const own = Object.entries(program.opts<Options>());
  const typed = own.filter(([name]) => outer === undefined || program.getOptionValueSource(name) === "cli");
  return { ...outer, ...Object.fromEntries(typed) } as Options;
}

/** Adds the interactive shell. */
export function addShell(program: Command, start: () => Promise<void>): void {
  program
    .command("it")
    .alias("cli-mode")
    .description(
      "run commands line by line: typed, with TAB and a history, or from stdin; without any command it is meant",
    )
    .action(start);
}

/** The program with all its commands, each of which hands its work to `run`. */
export function buildProgram(run: Run, { stdout, stderr }: Pick<Terminal, "stdout" | "stderr">): Command {
  const print = (text: string): void => void stdout.write(text);
  const program = new Command("immuclient")
    .description("Stores and reads records of an immudb server, and checks the proofs that it gives.")
    .configureOutput({ writeOut: print, writeErr: (text) => void stderr.write(text) })
    .showSuggestionAfterError()
    .showHelpAfterError("(immuclient --help shows commands, options and examples)")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  addConnectionOptions(program, "IMMUCLIENT", ["text", "json", "table", "value"])
    .addOption(
      new Option("--value-only", "the same as --output value (env: IMMUCLIENT_VALUE_ONLY)").default(
        isOn(process.env["IMMUCLIENT_VALUE_ONLY"]),
      ),
    )
    .addOption(
      new Option("--revision-separator <text>", "what stands between key and revision; empty turns it off")
        .env("IMMUCLIENT_REVISION_SEPARATOR")
        .default("@"),
    );
  for (const add of FAMILIES) add(program, run);
  program.commandsGroup("This program:");
  addCompletion(program, print);
  program
    .command("version")
    .description("print the version")
    .action(() => print(versionText("immuclient for TypeScript")));
  return program;
}

const FAMILIES: readonly ((program: Command, run: Run) => void)[] = [
  addLoginCommands,
  addEntryCommands,
  addListCommands,
  addLinkCommands,
  addProofCommands,
  addServerCommands,
  addSqlCommands,
];

/** Another form that was asked for says everything. */
function formatOf({ output, valueOnly }: Options): ClientFormat {
  return output === "text" && valueOnly ? "value" : output;
}

/** Whether a variable turns a switch on; "false" and the like do not, whatever commander makes of a variable that is set. */
function isOn(variable: string | undefined): boolean {
  return variable !== undefined && !/^(|0|false|no|off)$/i.test(variable);
}
