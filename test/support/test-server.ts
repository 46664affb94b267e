// The real server for one test: in this process, on a free port of the loopback address, in a directory that goes with it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/base/observe.ts";
import { readConfig } from "../../src/server/config.ts";
import { type RunningServer, startServer } from "../../src/server/main.ts";

export interface TestServer {
  readonly host: string;
  /** The same across restarts. */
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  /** The system administrator. */
  readonly user: string;
  readonly password: string;
  /** Stops the server as SIGTERM does, and starts it again on the same directory and port. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `flags` by name, as on the command line. */
export async function startTestServer(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "server-"));
  const start = (port: number): Promise<RunningServer> => {
    const given = new Map(Object.entries({ address: "127.0.0.1", port: String(port), dir: directory, ...flags }));
    return startServer(readConfig(given, {}).config, { logger: silentLogger });
  };
  let running = await start(0);
  return {
    host: "127.0.0.1",
    port: running.port,
    url: running.url,
    directory,
    user: "immudb",
    password: flags["admin-password"] ?? "immudb",
    restart: async () => {
      const { port } = running;
      await running.close();
      running = await start(port);
    },
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
