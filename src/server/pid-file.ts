// --pidfile: a file with the process id of a server, from before it starts until it has stopped.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { StartError } from "./errors.ts";

const ATTEMPTS = 3;

export class PidFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Writes the file. One that was left by a process that is gone is replaced. Throws StartError for any other that exists. */
  static claim(path: string): PidFile {
    for (let attempt = 1; ; attempt++) {
      try {
        writeFileSync(path, `${process.pid}\n`, { flag: "wx", mode: 0o644 });
        return new PidFile(path);
      } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === "EEXIST";
        if (!taken || attempt === ATTEMPTS) throw cannotWrite(path, error as Error);
        removeStale(path);
      }
    }
  }

  /** Removes the file, unless another process has replaced it. */
  release(): void {
    if (contentOf(this.#path) === String(process.pid)) rmSync(this.#path, { force: true });
  }
}

function removeStale(path: string): void {
  const content = contentOf(path);
  if (content === undefined) return;
  // An empty one was left by a process that died between making and writing it.
  if (!/^(|[1-9]\d{0,9})$/.test(content)) {
    throw new StartError(`${path} exists and holds no process id`, "give --pidfile a file of its own");
  }
  const pid = Number(content);
  if (content !== "" && pid !== process.pid && isAlive(pid)) {
    throw new StartError(
      `${path} names process ${pid}, which runs`,
      "stop that server first; if it is another program, remove the file",
    );
  }
  rmSync(path, { force: true });
}

/** Undefined: there is no such file. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannotWrite(path, error as Error);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // There is one, of another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function cannotWrite(path: string, { message }: Error): StartError {
  return new StartError(
    `the process id cannot be written to ${path}: ${message}`,
    "name a file that this user may write with --pidfile",
  );
}
