// Walking all pages of an LMDB file in a thread, while its environment is served. Plain file reads (verify-pages.ts): whatever
// is in the file, it ends nothing.

import { Worker } from "node:worker_threads";
import { PAGE_WALKS_MAX } from "../base/limits.ts";
import { damaged } from "./lmdb-check.ts";
import type { Meta } from "./lmdb-pages.ts";
import { programBeside } from "./program.ts";

const PROGRAM = programBeside(import.meta.url, "page-walk-thread");

/** What the thread is told. */
export interface WalkOrder {
  readonly path: string;
  readonly meta: Meta;
}

/** "stopped": the signal came first. */
export type WalkEnd = "sound" | "stopped";

let running = 0;
const waiting: (() => void)[] = [];

/**
 * Walks what `meta` leads to; a reader must keep these pages from being used again. Throws `damaged`, or what kept it from
 * looking. At most PAGE_WALKS_MAX run at once, others wait.
 */
export async function walkInThread(order: WalkOrder, signal: AbortSignal): Promise<WalkEnd> {
  if (running >= PAGE_WALKS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return signal.aborted ? "stopped" : await walk(order, signal);
  } finally {
    running--;
    waiting.shift()?.();
  }
}

async function walk(order: WalkOrder, signal: AbortSignal): Promise<WalkEnd> {
  const thread = new Worker(PROGRAM, { workerData: order });
  const stop = (): void => void thread.terminate();
  signal.addEventListener("abort", stop);
  try {
    return await new Promise<WalkEnd>((resolve, reject) => {
      thread.on("message", (said: string) => (said === "sound" ? resolve(said) : reject(damaged(order.path, said))));
      thread.on("error", reject);
      thread.on("exit", () =>
        signal.aborted ? resolve("stopped") : reject(new Error("the walk ended without a word")),
      );
    });
  } finally {
    signal.removeEventListener("abort", stop);
    await thread.terminate();
  }
}
