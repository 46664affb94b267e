// Where a password comes from. Never from a plain argument by default: those show in process lists and shell histories.

import { readFile } from "node:fs/promises";
import { fromBase64, utf8 } from "../base/bytes.ts";
import { UsageError } from "./exit-codes.ts";

export interface PasswordSources {
  /** From `--password` or the environment. */
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  readonly passwordStdin: boolean;
}

export interface PasswordReaders {
  readonly stdin: () => Promise<Uint8Array>;
  /** Asks on the terminal; undefined when there is none. */
  readonly prompt: (() => Promise<string>) | undefined;
  /** The variable that may hold it; IMMUCLIENT_PASSWORD unless given. */
  readonly variable?: string;
  /** What the names of its options begin with; `--password` unless given. */
  readonly option?: string;
}

/**
 * The password as bytes. One trailing line break of a file or of stdin is not part of it. A text `enc:BASE64` stands for
 * the bytes it encodes, as in configurations written for other clients.
 */
export async function readPassword(sources: PasswordSources, readers: PasswordReaders): Promise<Uint8Array> {
  const { option = "--password", variable = "IMMUCLIENT_PASSWORD" } = readers;
  if (sources.passwordStdin && sources.passwordFile !== undefined) {
    throw new UsageError(`${option}-stdin and ${option}-file exclude each other`);
  }
  if (sources.passwordStdin) return decode(withoutLineBreak(await readers.stdin()));
  if (sources.passwordFile !== undefined) return decode(withoutLineBreak(await readPasswordFile(sources.passwordFile)));
  if (sources.password !== undefined) return decode(utf8(sources.password));
  if (readers.prompt !== undefined) return utf8(await asked(readers.prompt));
  throw new UsageError(
    "no password was given and there is no terminal to ask on",
    `use ${option}-stdin, ${option}-file FILE or the variable ${variable}`,
  );
}

/** Leaving the prompt (Ctrl-C) is a decision, told in our words. */
async function asked(prompt: () => Promise<string>): Promise<string> {
  try {
    return await prompt();
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === "ExitPromptError")) throw cause;
    throw new Error("no password was entered", { cause });
  }
}

async function readPasswordFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`the password file cannot be read: ${(error as Error).message}`);
  }
}

function withoutLineBreak(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (end < bytes.length && bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}

function decode(password: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(password);
  if (!text.startsWith("enc:")) return password;
  try {
    return fromBase64(text.slice("enc:".length));
  } catch {
    throw new UsageError("the password begins with enc: and what follows is not base64");
  }
}
