// The log in a file that is followed by another one at a size or an age.
//
//   immudb.log                      being written
//   immudb.log.0001, .0002 …        full ones, oldest first
//   immudb.log.20261124T131548Z     old ones
//
// Lines are written at once and synchronously, and a file is changed between two of them: nothing is in memory that a stop, a
// crash or a change could lose. (Stream libraries that rotate keep lines in memory while they do.) A line that cannot be
// written is told on standard error once, counted, and its place in the file says so when writing works again. Files are never
// deleted.

import { closeSync, existsSync, fstatSync, openSync, readdirSync, renameSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { makeDirectory } from "../store/make-directory.ts";

export interface LogFileOptions {
  readonly path: string;
  /** Size that a file does not grow beyond, except by a single line; 0 for any. */
  readonly bytesMax: number;
  /** Age from which on a file is followed by another one; 0 for any. Looked at when a line is written. */
  readonly ageMaxMs: number;
}

const LINE_BREAK = Buffer.from("\n");
const FILE_MODE = 0o640;

/** Throws what the file system says when the file cannot be opened. */
export class LogFile {
  readonly #options: LogFileOptions;
  readonly #clock: Clock;
  /** A line for the log about so many that are missing. */
  readonly #lostLine: (lines: number) => string;
  #descriptor: number;
  #bytes = 0;
  #bornMs = 0;
  #lost = 0;
  /** Whether the file ends in the middle of a line. */
  #torn = false;

  constructor(options: LogFileOptions, clock: Clock, lostLine: (lines: number) => string) {
    this.#options = options;
    this.#clock = clock;
    this.#lostLine = lostLine;
    this.#descriptor = this.#open();
  }

  /** `line` ends with a line break. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    const why = this.#isDue(bytes.length);
    if (why !== undefined) this.#change(why);
    try {
      if (this.#torn) this.#append(LINE_BREAK);
      if (this.#lost > 0) {
        this.#append(Buffer.from(this.#lostLine(this.#lost)));
        this.#lost = 0;
      }
      this.#append(bytes);
    } catch (error) {
      this.#lost++;
      if (this.#lost === 1) complain(`the log cannot be written: ${(error as Error).message}`);
    }
  }

  /** Opens the path again, for who has renamed the file. Throws, and goes on with the old one, when that does not work. */
  reopen(): void {
    const old = this.#descriptor;
    this.#descriptor = this.#open();
    closeSync(old);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #open(): number {
    makeDirectory(dirname(this.#options.path));
    const descriptor = openSync(this.#options.path, "a", FILE_MODE);
    const stats = fstatSync(descriptor);
    this.#bytes = stats.size;
    this.#bornMs = (stats.size > 0 && stats.birthtimeMs) || this.#clock.nowMs();
    this.#torn = false;
    return descriptor;
  }

  #append(bytes: Buffer): void {
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.#descriptor, bytes, written);
      written += count;
      this.#bytes += count;
      this.#torn = written < bytes.length || bytes.at(-1) !== LINE_BREAK[0];
    }
  }

  #isDue(lineBytes: number): "full" | "old" | undefined {
    const { bytesMax, ageMaxMs } = this.#options;
    if (this.#bytes === 0) return undefined;
    if (bytesMax > 0 && this.#bytes + lineBytes > bytesMax) return "full";
    return ageMaxMs > 0 && this.#clock.nowMs() - this.#bornMs >= ageMaxMs ? "old" : undefined;
  }

  /** When it does not work the file goes on, and the next try is one size or age later. */
  #change(why: "full" | "old"): void {
    const { path } = this.#options;
    try {
      // Whoever has moved it away without a word has changed it already.
      if (existsSync(path)) renameSync(path, why === "full" ? nextNumbered(path) : dated(path, this.#clock.nowMs()));
      this.reopen();
    } catch (error) {
      this.#bytes = 0;
      this.#bornMs = this.#clock.nowMs();
      complain(`the log file cannot be changed: ${(error as Error).message}`);
    }
  }
}

function nextNumbered(path: string): string {
  const prefix = `${basename(path)}.`;
  const numbers = readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d{4,9}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
  return `${path}.${String(Math.max(0, ...numbers) + 1).padStart(4, "0")}`;
}

function dated(path: string, nowMs: number): string {
  const name = `${path}.${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  return existsSync(name) ? nextNumbered(name) : name;
}

function complain(sentence: string): void {
  try {
    writeSync(process.stderr.fd, `immudb: ${sentence}\n`);
  } catch {
    // Nobody is left to be told.
  }
}
