// What a running server hears from outside.
//
//   SIGINT, SIGTERM   stop: calls under way end first; once more, a second later or after that: end at once
//   SIGHUP            read certificates, keys and the log file again; stop, if it means that the terminal has gone

import { isatty } from "node:tty";
import type { Reloads } from "./reload.ts";

const SAME_WISH_MS = 1000;
const STDERR = 2;

/**
 * Resolves with the first signal to stop; a later one ends the process at once, for those who cannot wait. One that follows on
 * its heels is the same wish twice: a terminal signals every process of a group, and npm passes on what it gets.
 */
export function stopSignal(reloads: Reloads): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedMs: number | undefined;
    const stop = (signal: NodeJS.Signals): void => {
      if (askedMs !== undefined && Date.now() - askedMs > SAME_WISH_MS) process.exit(1);
      askedMs ??= Date.now();
      resolve(signal);
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    const hadTerminal = isatty(STDERR);
    process.on("SIGHUP", (signal) => {
      if (hadTerminal && !isatty(STDERR)) stop(signal);
      else void reloads.run();
    });
  });
}
