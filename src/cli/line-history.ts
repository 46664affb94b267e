// Lines typed earlier, kept for the next time in a file of their owner only.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

const LINES_MAX = 1000;
/** What must not be on a disk. */
const SECRET = /--password[ =]/;

/** Latest first, as readline wants them; none when there is no such file. */
export async function readHistory(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).slice(0, LINES_MAX);
}

/** Puts a line first and keeps them all. A history that cannot be written is no reason to stop. */
export async function remember(file: string, history: string[], line: string): Promise<void> {
  if (line.includes("\n") || line.trim() === "" || line === history[0] || SECRET.test(line)) return;
  history.unshift(line);
  history.length = Math.min(history.length, LINES_MAX);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch(() => {});
  await writeFile(file, `${history.join("\n")}\n`, { mode: 0o600 }).catch(() => {});
}
