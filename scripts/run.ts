// Runs a program to its end, for scripts.

import { spawn } from "node:child_process";

/** How a program ended. */
export interface Ended {
  /** Its exit code; 1 when a signal ended it or it could not be started. */
  code: number;
  /** All that it printed, both streams as they came. */
  output: string;
}

/** Runs a program and collects what it prints. Never rejects: a program that cannot be started ends with code 1. */
export function run(program: string, args: readonly string[], cwd?: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 1, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/** Runs a program that must succeed; throws with what it printed when it does not. */
export async function mustRun(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { code, output } = await run(program, args, cwd);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with exit code ${code}:\n${output}`);
  return output;
}
