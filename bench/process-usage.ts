// What a process has used so far, read from /proc: on Linux, of any process of this machine.

import { readFileSync } from "node:fs";

/** Clock ticks of /proc/<pid>/stat (USER_HZ): 100 per second on every Linux that Node runs on. */
const TICK_MS = 10;
/** Fields of /proc/<pid>/stat behind the name in parentheses: utime and stime are the 14th and 15th of all. */
const UTIME = 11;
const STIME = 12;

/** Milliseconds of user and system time, all threads. Undefined where there is no such process or no /proc. */
export function cpuMs(pid: number | undefined): number | undefined {
  return timeIn(read(pid, "stat"));
}

/** The same of the thread that runs JavaScript. */
export function mainThreadMs(pid: number | undefined): number | undefined {
  return timeIn(read(pid, `task/${pid}/stat`));
}

function timeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME]) + Number(fields[STIME])) * TICK_MS;
}

export interface Memory {
  readonly anonymousMb: number;
  readonly residentMb: number;
}

export function memoryOf(pid: number | undefined): Memory | undefined {
  const text = read(pid, "status");
  if (text === undefined) return undefined;
  const megabytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024;
  return { anonymousMb: megabytes("RssAnon"), residentMb: megabytes("VmRSS") };
}

function read(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Waits until the process has all but stopped working, and says how long that took. Undefined where that cannot be seen. */
export async function settled(pid: number | undefined): Promise<number | undefined> {
  const lookEveryMs = 200;
  const began = performance.now();
  let before = cpuMs(pid);
  if (before === undefined) return undefined;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const now = cpuMs(pid);
    if (now === undefined) return undefined;
    if (now - before <= TICK_MS) return performance.now() - began - lookEveryMs;
    before = now;
  }
}
