// The options of every program that talks to a server: where it is, who asks, how the answer looks. Each can come from the
// environment as well, under the name of the program.

import { type Command, InvalidArgumentError, Option } from "commander";
import type { ClientFormat } from "../output.ts";
import { addTlsOptions } from "./tls-options.ts";

/** `prefix`: what the names of the variables begin with. `formats`: the forms that an answer can have, the usual one first. */
export function addConnectionOptions(
  program: Command,
  prefix: "IMMUCLIENT" | "IMMUADMIN",
  formats: readonly [ClientFormat, ...ClientFormat[]] = ["text", "json"],
): Command {
  const option = (flags: string, description: string, variable: string): Option =>
    new Option(flags, description).env(`${prefix}_${variable}`);
  program
    .addOption(option("-a, --immudb-address <host>", "server host", "IMMUDB_ADDRESS").default("127.0.0.1"))
    .addOption(option("-p, --immudb-port <port>", "server port", "IMMUDB_PORT").default(3322).argParser(parsePort))
    .addOption(
      option(
        "--username <name>",
        "log in as this user when a command needs it; a login of another user is not used",
        "USERNAME",
      ),
    )
    .addOption(
      option("--password <password>", "shows in process lists: prefer the next two, or the variable", "PASSWORD"),
    )
    .addOption(option("--password-file <file>", "read the password from a file", "PASSWORD_FILE"))
    .addOption(new Option("--password-stdin", "read the password from stdin").default(false))
    .addOption(option("--database <name>", "database for this command", "DATABASE"))
    .addOption(option("--tokenfile <file>", "where the login is kept", "TOKENFILE"))
    .addOption(
      option(
        "--server-signing-pub-key <file>",
        "PEM file: every state must be signed with this key",
        "SERVER_SIGNING_PUB_KEY",
      ),
    )
    .addOption(option("--output <format>", "form of the answer", "OUTPUT").choices(formats).default(formats[0]))
    .addOption(
      option("--timeout <seconds>", "longest wait for one answer", "TIMEOUT").default(30).argParser(parseSeconds),
    );
  return addTlsOptions(program, prefix);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError("a port is a number from 1 to 65535.");
  return port;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError("a time in seconds, above 0.");
  return seconds;
}
