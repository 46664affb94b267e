// What the commands of immudb have in common: where the data is, and how they end.

import { RoomError } from "../../base/errors.ts";
import { readConfig } from "../../server/config.ts";
import { StartError } from "../../server/errors.ts";
import { EXIT, type Failure, UsageError } from "../exit-codes.ts";
import { type Answer, type Format, printAnswer, printFailure } from "../output.ts";
import type { CommandLine } from "./commands.ts";

/** The data directory that a server with this command line would use. */
export function directoryOf({ given }: CommandLine): string {
  return readConfig(given, process.env).config.directory;
}

export function formatOf({ options }: CommandLine): Format {
  return options["output"] === "json" ? "json" : "text";
}

/**
 * Runs a command, prints its answer or why there is none, and returns the exit code. `next`: what to do about a failure, by
 * its code, where the command knows better.
 */
export async function answering(
  line: CommandLine,
  run: () => Promise<Answer>,
  next: Readonly<Record<string, string>> = {},
): Promise<number> {
  try {
    const answer = await run();
    printAnswer(answer, formatOf(line), process.stdout);
    return answer.exit ?? EXIT.ok;
  } catch (error) {
    const known = failureOf(error);
    const failure = { ...known, next: next[known.code] ?? known.next };
    printFailure(failure, formatOf(line), process.stderr);
    return failure.exit;
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { exit: EXIT.usage, code: "usage", message, next: error.next };
  if (error instanceof StartError) return { exit: EXIT.usage, code: "usage", message, next: error.hint };
  if (!(error instanceof RoomError)) return { exit: EXIT.error, code: "error", message, next: undefined };
  const next = error.code === "locked" ? "stop the server that uses this data directory" : undefined;
  return { exit: EXIT.error, code: error.code, message, next };
}
