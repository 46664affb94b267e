// Reading an environment in another process, since LMDB ends the one that reads a damaged page (a signal, no error).
//
//   ends by itself, 0             read to its end
//   ends by itself, "damaged"     LMDB or a count that does not fit says so
//   ends by SIGSEGV, SIGBUS, …    a page is not what it was
//   ended by us after a bound     as far as it came nothing was wrong
//   anything else                 it could not look: no answer

import { execFile } from "node:child_process";
import { PROBE_MS_MAX } from "../base/limits.ts";
import { StoreError } from "./errors.ts";
import { damaged } from "./lmdb-check.ts";
import { programBeside } from "./program.ts";

const PROGRAM = programBeside(import.meta.url, "probe");
const CRASHES = ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP"];

/** What the program exits with when the environment is damaged. */
export const PROBE_EXIT_DAMAGED = 3;

/**
 * Reads an environment that is not open to its end in a child process. `unfinished`: nothing was wrong in the time it had.
 * Throws `damaged`, or what kept it from looking.
 */
export function probeEnvironment(directory: string, boundMs: number = PROBE_MS_MAX): Promise<"whole" | "unfinished"> {
  return new Promise((resolve, reject) => {
    const options = { timeout: boundMs, killSignal: "SIGKILL" } as const;
    execFile(process.execPath, [PROGRAM, directory], options, (error, said) => {
      if (error === null) resolve("whole");
      else if (error.killed === true) resolve("unfinished");
      else if (error.code === PROBE_EXIT_DAMAGED)
        reject(new StoreError("damaged", said, { file: directory, what: "environment" }));
      else if (CRASHES.includes(error.signal ?? ""))
        reject(damaged(directory, `reading it ended a process with ${error.signal}`));
      else reject(error);
    });
  });
}
