// What the commands of immudb have in common: where the data is, and how they end.

import { RoomError } from "../../base/errors.ts";
import { readConfig } from "../../server/config.ts";
import { StartError } from "../../server/errors.ts";
import { EXIT, type Failure } from "../exit-codes.ts";
import { type Answer, type Format, printAnswer, printFailure } from "../output.ts";
import type { CommandLine } from "./commands.ts";

/** The data directory that a server with this command line would use. */
export function directoryOf({ given }: CommandLine): string {
  return readConfig(given, process.env).config.directory;
}

export function formatOf({ options }: CommandLine): Format {
  return options["output"] === "json" ? "json" : "text";
}

/** Runs a command, prints its answer or why there is none, and returns the exit code. */
export async function answering(line: CommandLine, run: () => Promise<Answer>): Promise<number> {
  try {
    printAnswer(await run(), formatOf(line), process.stdout);
    return EXIT.ok;
  } catch (error) {
    const failure = failureOf(error);
    printFailure(failure, formatOf(line), process.stderr);
    return failure.exit;
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StartError) return { exit: EXIT.usage, code: "usage", message, next: error.hint };
  if (!(error instanceof RoomError)) return { exit: EXIT.error, code: "error", message, next: undefined };
  const next = error.code === "locked" ? "stop the server that uses this data directory" : undefined;
  return { exit: EXIT.error, code: error.code, message, next };
}
