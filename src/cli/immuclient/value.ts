// The value that a command writes: an argument, a file, or all of stdin, byte for byte.

import { readFile } from "node:fs/promises";
import { utf8 } from "../../base/bytes.ts";
import { UsageError } from "../exit-codes.ts";
import { readStdin } from "../stdin.ts";
import type { Connection } from "./connection.ts";

export interface ValueOptions {
  /** `-`: stdin. */
  readonly valueFile?: string;
}

/** Throws UsageError when there is none, or more than one. */
export async function readValue(
  { options, terminal }: Connection,
  argument: string | undefined,
  { valueFile }: ValueOptions,
): Promise<Uint8Array> {
  if (argument !== undefined && valueFile !== undefined) {
    throw new UsageError("a value was given, and a file of one as well", "leave one of them out");
  }
  if (argument !== undefined) return utf8(argument);
  if (valueFile !== undefined && valueFile !== "-") return readValueFile(valueFile);
  if (options.passwordStdin) throw new UsageError("stdin cannot hold both the password and the value");
  if (terminal.stdin.isTTY && valueFile === undefined) {
    throw new UsageError("no value was given", "give it as an argument, by --value-file, or on stdin");
  }
  return readStdin(terminal.stdin);
}

async function readValueFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`the file of the value cannot be read: ${(error as Error).message}`);
  }
}
