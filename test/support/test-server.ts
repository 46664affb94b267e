// The real server for one test: in this process, on a free port of the loopback address, in a directory that goes with it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../src/base/observe.ts";
import { readConfig } from "../../src/server/config.ts";
import { type RunningServer, startServer } from "../../src/server/main.ts";
import { Reloads } from "../../src/server/reload.ts";

export interface TestServer {
  readonly host: string;
  /** The same across restarts. */
  readonly port: number;
  readonly url: string;
  /** Of metrics and health; undefined unless the flags ask for them. */
  readonly metricsUrl: string | undefined;
  readonly directory: string;
  /** The system administrator. */
  readonly user: string;
  readonly password: string;
  /** Stops the server as SIGTERM does, and starts it again on the same directory and port. `whileStopped`: done in between. */
  restart(whileStopped?: () => Promise<void>): Promise<void>;
  /** The same with further flags, which count from then on. */
  restartWith(flags: Readonly<Record<string, string>>): Promise<void>;
  /** Reads certificates and keys again, as SIGHUP does. */
  reload(): Promise<void>;
  /** What was logged, oldest first. */
  readonly log: readonly LogLine[];
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** `flags` by name, as on the command line. */
export async function startTestServer(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "server-"));
  const log: LogLine[] = [];
  const logger = loggerTo(log);
  let reloads: Reloads;
  let later: Readonly<Record<string, string>> = {};
  const start = (port: number): Promise<RunningServer> => {
    const metrics = flags["metrics-server-port"] === undefined ? { "metrics-server": "false" } : {};
    const given = { address: "127.0.0.1", port: String(port), dir: directory, ...metrics, ...flags, ...later };
    reloads = new Reloads(logger);
    return startServer(readConfig(new Map(Object.entries(given)), {}).config, { logger, reloads });
  };
  let running = await start(0);
  return {
    host: "127.0.0.1",
    port: running.port,
    url: running.url,
    get metricsUrl() {
      return running.metricsPort === undefined ? undefined : `http://127.0.0.1:${running.metricsPort}`;
    },
    directory,
    user: "immudb",
    password: flags["admin-password"] ?? "immudb",
    log,
    reload: () => reloads.run(),
    restart: async (whileStopped) => {
      const { port } = running;
      await running.close();
      await whileStopped?.();
      running = await start(port);
    },
    restartWith: async (further) => {
      const { port } = running;
      later = further;
      await running.close();
      running = await start(port);
    },
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function loggerTo(log: LogLine[]): Logger {
  const at =
    (level: keyof Logger): Logger["info"] =>
    (fields, message) =>
      void log.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
