// immuclient: talks to a server from the command line, for people and for scripts.
//
//   arguments, IMMUCLIENT_* ──▶ Options ──▶ command(connection, arguments) ──▶ Answer ──▶ stdout      exit 0
//                                                     └────── error ─────────▶ Failure ──▶ stderr      exit 1..5

import { Command, CommanderError, Option } from "commander";
import { utf8 } from "../../base/bytes.ts";
import { EXIT, failureOf, UsageError } from "../exit-codes.ts";
import { type Answer, type Format, printAnswer, printFailure, printWarning } from "../output.ts";
import { readStdin } from "../stdin.ts";
import { Connection, type Options, serverAddress } from "./connection.ts";
import { addConnectionOptions } from "./connection-options.ts";
import { current } from "./current.ts";
import { get, safeget } from "./get.ts";
import { health } from "./health.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { safeset, set } from "./set.ts";
import { use } from "./use.ts";

const EXAMPLES = `
Examples:
  immuclient login immudb                     asks for the password
  immuclient set balance:42 100
  immuclient safeset balance:42 100           writes, and checks the proof that it was written
  immuclient safeget balance:42               reads, and checks the proof of what was read
  immuclient get balance:42@1                 first revision; @-1 is the one before the latest
  immuclient --output json safeget balance:42
  IMMUCLIENT_USERNAME=immudb immuclient --password-file secret.txt get balance:42

Exit codes: 0 done, 1 error, 2 usage, 3 not found, 4 login or permission, 5 verification failed.`;

const PASSWORD_WARNING =
  "--password shows in process lists; use --password-stdin, --password-file or IMMUCLIENT_PASSWORD";

/** Runs one command line and returns the exit code. Prints to the streams of the process. */
export async function run(args: readonly string[]): Promise<number> {
  const program = buildProgram();
  let format: Format = "text";
  let address = "";
  try {
    addCommands(program, async (command) => {
      const options = program.opts<Options>();
      format = options.output;
      address = serverAddress(options);
      if (program.getOptionValueSource("password") === "cli") printWarning(PASSWORD_WARNING, format, process.stderr);
      await using connection = new Connection(options);
      printAnswer(await command(connection), options.output, process.stdout);
    });
    await program.parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error, address);
    printFailure(failure, format, process.stderr);
    return failure.exit;
  }
}

type Run = (command: (connection: Connection) => Promise<Answer>) => Promise<void>;

function addCommands(program: Command, run: Run): void {
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
  program
    .command("set <key> [value]")
    .alias("s")
    .description("write a value; without one, the value is all of stdin")
    .action((key: string, value?: string) =>
      run(async (connection) => set(connection, key, await valueBytes(value, connection.options))),
    );
  program
    .command("safeset <key> [value]")
    .alias("ss")
    .description("write a value and check the proof that the server wrote it")
    .action((key: string, value?: string) =>
      run(async (connection) => safeset(connection, key, await valueBytes(value, connection.options))),
    );
  program
    .command("get <key[@revision]>")
    .alias("g")
    .description("read a value; @n is the n-th revision, @-n is n before the latest")
    .action((key: string) => run((connection) => get(connection, key)));
  program
    .command("safeget <key[@revision]>")
    .alias("sg")
    .description("read a value and check the proof that it is what was written")
    .action((key: string) => run((connection) => safeget(connection, key)));
  program
    .command("current")
    .alias("crt")
    .description("show the server's current state of the database (not verified)")
    .action(() => run(current));
  program
    .command("health")
    .description("show whether the server works; needs no login")
    .action(() => run(health));
}

function buildProgram(): Command {
  const program = new Command("immuclient").description(
    "Stores and reads records of an immudb server, and checks the proofs that it gives.",
  );
  return addConnectionOptions(program, "IMMUCLIENT")
    .addOption(
      new Option("--value-only", "print the value alone (get, safeget)").default(
        isOn(process.env["IMMUCLIENT_VALUE_ONLY"]),
      ),
    )
    .addOption(
      new Option("--revision-separator <text>", "what stands between key and revision; empty turns it off")
        .env("IMMUCLIENT_REVISION_SEPARATOR")
        .default("@"),
    )
    .showSuggestionAfterError()
    .showHelpAfterError("(immuclient --help shows commands, options and examples)")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
}

async function valueBytes(value: string | undefined, options: Options): Promise<Uint8Array> {
  if (value !== undefined) return utf8(value);
  if (options.passwordStdin) throw new UsageError("stdin cannot hold both the password and the value");
  if (process.stdin.isTTY) throw new UsageError("no value was given", "give it as an argument, or on stdin");
  return readStdin();
}

/** Whether a variable turns a switch on; "false" and the like do not, whatever commander makes of a variable that is set. */
function isOn(variable: string | undefined): boolean {
  return variable !== undefined && !/^(|0|false|no|off)$/i.test(variable);
}
