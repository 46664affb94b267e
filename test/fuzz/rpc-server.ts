// The server that the RPC fuzzer talks to, in a process of its own: what it must not do there is told to the fuzzer, and the
// memory that it uses when it is asked. Started by rpc-fuzz.ts with --expose-gc and the data directory.

import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, silentLogger } from "../../src/base/observe.ts";
import { readConfig } from "../../src/server/config.ts";
import { startServer } from "../../src/server/main.ts";

export type FromServer =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "wrong"; readonly what: string }
  | { readonly kind: "memory"; readonly bytes: number };

const [directory = "", records = ""] = process.argv.slice(2);
const tell = (message: FromServer): void => void process.send?.(message);

process.on("unhandledRejection", (error) => tell({ kind: "wrong", what: `unhandled rejection: ${textOf(error)}` }));
process.on("uncaughtException", (error) => tell({ kind: "wrong", what: `uncaught exception: ${textOf(error)}` }));
process.on("warning", ({ name, message }) => tell({ kind: "wrong", what: `warning: ${name}: ${message}` }));

/** Whatever alarms an operator is wrong here: nothing is done to the disk. */
const logger: Logger = {
  ...silentLogger,
  error: ({ err, ...fields }, message) =>
    tell({ kind: "wrong", what: `logged: ${message} ${JSON.stringify(fields)} ${textOf(err)}` }),
};

const flags = {
  address: "127.0.0.1",
  port: "0",
  dir: directory,
  "max-sessions": "10000",
  "metrics-server": "false",
  "login-slowdown": "false",
  ...(records === "" ? {} : { "audit-log": "true", "log-access": "true", "log-request-metadata": "true" }),
};
const { url, close } = await startServer(readConfig(new Map(Object.entries(flags)), {}).config, { logger });

process.on("message", async (asked) => {
  if (asked === "memory") tell({ kind: "memory", bytes: await usedBytes() });
  if (asked === "stop") {
    await close();
    process.disconnect();
  }
});
tell({ kind: "ready", url });

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error ?? "");
}

/** Bytes in use after everything that can go has gone, which buffers do a little later than the objects that had them. */
async function usedBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 5; times++) {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    await sleep(20);
  }
  return least;
}
