// A real server as a process of its own, on a free port of the loopback address, for what must be able to kill it or measure
// it: the crash run, the tour, the benchmark. Its log is read as JSON.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../src/cli/immudb.ts", import.meta.url));
const START_MS = 60_000;
const STOP_MS = 30_000;

/** One line of the server's log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface ServerPlace {
  readonly directory: string;
  /** What runs as the server; the sources unless given. */
  readonly program?: string;
  /** Variables of its environment besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export class ServerProcess {
  /** Name and password of the system administrator. */
  static readonly user = "immudb";
  static readonly password = "immudb";

  /** What it has logged so far. */
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  readonly #serving = Promise.withResolvers<string>();
  #unreadable = "";
  #isServing = false;

  /** Returns at once; `serving` tells when it can be called. */
  constructor(place: string | ServerPlace, ...flags: readonly string[]) {
    const { directory, program = PROGRAM, env: more = {} } = typeof place === "string" ? { directory: place } : place;
    const args = [
      program,
      "--address=127.0.0.1",
      "--port=0",
      "--metrics-server-port=0",
      `--dir=${directory}`,
      "--logformat=json",
      ...flags,
    ];
    // Settings of the machine (IMMUDB_…, a configuration file in the home directory) are none of its business.
    const isForeign = (name: string): boolean => name.startsWith("IMMUDB_") || name === "HOME";
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign(name)));
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...env, ...more, LOG_LEVEL: "info" },
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on("line", (line) => this.#read(line));
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    const tooLong = setTimeout(() => this.#fail(`it does not serve within ${START_MS} ms`), START_MS);
    const killWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", killWithUs);
    void this.#ended.then((how) => {
      clearTimeout(tooLong);
      process.off("exit", killWithUs);
      this.#fail(how);
    });
    // Whoever kills it before it serves is not waiting for it.
    this.#serving.promise.catch(() => {});
  }

  /** Where it listens, once it does. Rejects when it ends before, with what it said. */
  get serving(): Promise<string> {
    return this.#serving.promise;
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  /** Resolves when it is gone, with how it ended: a signal, or its exit code. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** Ends it as SIGKILL does, without a chance to do anything. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Stops it as an operator does. Throws when it does not end, or with another exit code than 0. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    const how = await this.#ended;
    clearTimeout(timer);
    if (how !== "exit code 0") throw new Error(`the server did not stop cleanly: ${how}\n${this.#said()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #read(line: string): void {
    let parsed: LogLine;
    try {
      parsed = JSON.parse(line);
    } catch {
      this.#unreadable += `${line}\n`;
      return;
    }
    this.log.push(parsed);
    if (parsed.message !== "serving") return;
    this.#isServing = true;
    this.#serving.resolve(`127.0.0.1:${parsed["port"]}`);
  }

  #fail(how: string): void {
    this.#serving.reject(new Error(`the server is not there: ${how}\n${this.#said()}`));
  }

  #said(): string {
    return this.log.map((line) => `${line.level}: ${line.message}\n`).join("") + this.#unreadable;
  }
}
