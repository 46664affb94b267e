// immuadmin: what an administrator asks of a running server.

import { Command, CommanderError, Option } from "commander";
import { addCompletion } from "../completion.ts";
import { EXIT, failureOf } from "../exit-codes.ts";
import { Connection, type ConnectionOptions, serverAddress } from "../immuclient/connection.ts";
import { addConnectionOptions, parsePort } from "../immuclient/connection-options.ts";
import { type Format, printAnswer, printFailure, printWarning, type Sink } from "../output.ts";
import { versionText } from "../version-text.ts";
import type { Run } from "./calls.ts";
import { addDatabaseCommands } from "./databases/commands.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { type MigrateOptions, migrateTo } from "./migrate.ts";
import { addNewPasswordOptions, type NewPasswordOptions } from "./new-password.ts";
import { type StatsOptions, stats } from "./stats/stats.ts";
import { status } from "./status.ts";
import { addUserCommands } from "./users/commands.ts";
import { verify } from "./verify.ts";

const EXAMPLES = `
Examples:
  immuadmin login                                         asks for the password of immudb
  immuadmin database list
  immuadmin user create ada readwrite books
  immuadmin --username immudb verify                      asks for the password
  immuadmin --username immudb --password-file secret.txt verify books
  IMMUADMIN_USERNAME=immudb immuadmin --output json verify books
  immuadmin -a 10.0.0.1 --username immudb migrate --to-dir ./data

Exit codes: 0 done, 1 error, 2 usage, 3 not found, 4 login or permission, 5 damage found or verification failed.`;

const PASSWORD_WARNING =
  "--password shows in process lists; use --password-stdin, --password-file or IMMUADMIN_PASSWORD";

/** The streams that a program writes to. */
export interface Streams {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Runs one command line and returns the exit code. */
export async function run(args: readonly string[], { stdout, stderr }: Streams = process): Promise<number> {
  let format: Format = "text";
  let address = "";
  let exit = EXIT.ok as number;
  const runCommand: Run = async (command, database) => {
    const given = program.opts<ConnectionOptions>();
    const options = database === undefined ? given : { ...given, database };
    format = options.output === "json" ? "json" : "text";
    address = serverAddress(options);
    if (program.getOptionValueSource("password") === "cli") printWarning(PASSWORD_WARNING, format, stderr);
    await using connection = new Connection(options, "immuadmin");
    const answer = await command(connection);
    printAnswer(answer, format, stdout);
    exit = answer.exit ?? EXIT.ok;
  };
  const program = buildProgram(runCommand, { stdout, stderr });
  try {
    await program.parseAsync(args, { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error, address, "immuadmin");
    printFailure(failure, format, stderr);
    return failure.exit;
  }
}

function addCommands(program: Command, run: Run, { stdout, stderr }: Streams): void {
  addNewPasswordOptions(program.command("login [user]"))
    .alias("l")
    .description("log in, as immudb unless another is named, and remember it; a default password is changed at once")
    .action((user: string | undefined, options: NewPasswordOptions) =>
      run((connection) => login(connection, user ?? connection.options.username ?? "immudb", options, stderr)),
    );
  program
    .command("logout")
    .alias("x")
    .description("end the login and forget it")
    .action(() => run(logout));
  program
    .command("status")
    .alias("p")
    .description("show whether the server answers, and how much it holds; needs no login")
    .action(() => run(status));
  program
    .command("stats")
    .alias("s")
    .description("show what the server's metrics say; needs no login")
    .addOption(
      new Option("--metrics-port <port>", "the server's port for metrics")
        .env("IMMUADMIN_METRICS_PORT")
        .default(9497)
        .argParser(parsePort),
    )
    .option("-t, --text", "as lines, which is the default")
    .option("-r, --raw", "as the server tells them")
    .action((options: StatsOptions) => run((connection) => stats(connection, options)));
  program
    .command("version")
    .description("print the version of this program")
    .action(() => void stdout.write(versionText("immuadmin")));
  addDatabaseCommands(program, run);
  addUserCommands(program, run);
  program
    .command("verify [database]")
    .description("have the server read everything that is stored in a database, and say whether it is what was written")
    .action((database?: string) => run(verify, database));
  program
    .command("migrate [database]")
    .description("copy every database of the server, or one, into a data directory or a running server, and its users")
    .option("--to-dir <directory>", "a data directory that no server uses, made when missing")
    .option("--to <host:port>", "a running server of this kind")
    .option("--to-username <name>", "who to be there", "immudb")
    .option("--to-password-file <file>", "his password there, unless it is in IMMUADMIN_TO_PASSWORD")
    .action((database: string | undefined, options: MigrateOptions) =>
      run((connection) => migrateTo(connection, database, options)),
    );
}

/** The program with all its commands, each of which hands its work to `run`. */
export function buildProgram(run: Run, { stdout, stderr }: Streams): Command {
  const program = new Command("immuadmin").description("Administers an immudb server.");
  addConnectionOptions(program, "IMMUADMIN", ["text", "json", "table"])
    .showSuggestionAfterError()
    .showHelpAfterError("(immuadmin --help shows commands, options and examples)")
    .addHelpText("after", EXAMPLES)
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
  addCommands(program, run, { stdout, stderr });
  addCompletion(program, (text) => void stdout.write(text));
  return program;
}
