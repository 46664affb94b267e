// immuclient as a script runs it: another process, its two streams and its exit code. Each Shell is a home of its own, so
// that nothing remembered by one is known to another.

import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { run } from "../../src/cli/immuclient/program.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immuclient.ts", import.meta.url));

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What the program finds on stdin. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Stops reading stdout after so many bytes, as `head` does. */
  readonly readBytes?: number;
}

export class Shell {
  readonly home: string;
  readonly #env: Readonly<Record<string, string>>;

  /** `env`: variables of every command, besides the home. */
  constructor(home: string, env: Readonly<Record<string, string>>) {
    this.home = home;
    this.#env = env;
  }

  async run(args: readonly string[], { input = "", env = {}, readBytes }: RunOptions = {}): Promise<Ended> {
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH, HOME: this.home, XDG_STATE_HOME: this.home, ...this.#env, ...env },
    });
    child.stdin.end(input);
    const ended = new Promise<number | null>((resume) => child.on("close", resume));
    const [stdout, stderr, exit] = await Promise.all([
      readBytes === undefined ? text(child.stdout) : readSome(child.stdout, readBytes),
      text(child.stderr),
      ended,
    ]);
    return { exit, stdout, stderr };
  }

  /** Paths of all files that were left in the home. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.home, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }
}

async function readSome(stream: Readable, bytes: number): Promise<string> {
  let read = "";
  for await (const chunk of stream) {
    read += chunk;
    if (read.length >= bytes) break; // leaving the loop closes the stream
  }
  return read;
}

/** The same program in this process, with the variables of this process: quicker, for tests of many commands. */
export async function runHere(args: readonly string[], input: string | Uint8Array = ""): Promise<Ended> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const printed = Promise.all([text(stdout), text(stderr)]);
  const exit = await run(args, { stdin: Readable.from([Buffer.from(input)]), stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { exit, stdout: out, stderr: err };
}
