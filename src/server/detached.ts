// --detached: the program starts itself again in a session of its own, waits until that server serves or has failed, says which,
// and ends.
//
//   this process ── starts ──▶ the server: no terminal, standard error is its log file (for what Node itself has to say)
//                ◀── IPC ───── "serving", or why it cannot
//
// So a script that goes on after `immudb --detached` finds a server, and sees exit code 1 when there is none.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "../store/make-directory.ts";
import { StartError } from "./errors.ts";

/** What the server in the background tells who started it. */
type News = { readonly serving: true } | { readonly failed: string };

/** Resolves to what to print once the server serves. `logFile`: absolute path. Throws StartError when it does not start. */
export async function startDetached(logFile: string): Promise<string> {
  const log = openLog(logFile);
  const args = [...process.execArgv, ...process.argv.slice(1), "--detached=false", `--logfile=${logFile}`];
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", log, "ipc"] });
  closeSync(log);
  const news = await Promise.race([
    once(child, "message").then(([said]) => said as News),
    // Comes after every message that was sent.
    once(child, "disconnect").then(() => undefined),
  ]);
  if (news === undefined) throw new StartError("the server in the background ended without a word", `see ${logFile}`);
  if ("failed" in news) throw new StartError(news.failed.trimEnd(), `see also ${logFile}`);
  child.disconnect();
  child.unref();
  return `immudb runs in the background as process ${child.pid} and logs to ${logFile}\n`;
}

/** Tells the process that started this one in the background, if one did. Resolves when it has been told. */
export function tellStarter(news: News): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(news, undefined, undefined, () => resolve());
  });
}

function openLog(path: string): number {
  try {
    makeDirectory(dirname(path));
    return openSync(path, "a", 0o640);
  } catch (error) {
    throw cannotLog(path, error as Error);
  }
}

export function cannotLog(path: string, { message }: Error): StartError {
  return new StartError(
    `the log file ${path} cannot be written: ${message}`,
    "name another one with --logfile and --logdir",
  );
}
