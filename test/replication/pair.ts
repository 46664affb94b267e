// A primary and its replica as two processes, each of which can be killed and started again where it was.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerProcess } from "../../scripts/server-process.ts";
import { ImmuClient, type ServerState } from "../../src/client/client.ts";
import { createNodeTransport } from "../../src/client/node.ts";

const POLL_MS = 20;

/** One of the two: where it is, and how it is started. */
export class Member implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  #flags: readonly string[];
  #process: ServerProcess | undefined;

  constructor(directory: string, port: number, flags: readonly string[]) {
    this.directory = directory;
    this.port = port;
    this.#flags = flags;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What it is started with. */
  get flags(): readonly string[] {
    return this.#flags;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it, and waits until it serves. With `flags`, as something else from now on. */
  async start(flags: readonly string[] = this.#flags): Promise<void> {
    await this.begin(flags).serving;
  }

  /** Starts it without waiting. */
  begin(flags: readonly string[] = this.#flags): ServerProcess {
    this.#flags = flags;
    this.#process = new ServerProcess(this.directory, `--port=${this.port}`, ...flags);
    return this.#process;
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** Said in its log, by the message. */
  said(message: string): boolean {
    return this.#process?.log.some((line) => line.message.includes(message)) === true;
  }

  /** Runs something with a client that is logged in; a connection of its own. */
  async with<T>(work: (client: ImmuClient) => Promise<T>): Promise<T> {
    const transport = createNodeTransport(this.address);
    try {
      const client = new ImmuClient(transport, { address: this.address });
      await client.openSession(ServerProcess.user, ServerProcess.password);
      return await work(client);
    } finally {
      transport.close();
    }
  }

  state(): Promise<ServerState> {
    return this.with((client) => client.currentState());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export interface Pair extends AsyncDisposable {
  readonly primary: Member;
  readonly replica: Member;
}

/** Starts both. `sync`: the primary acknowledges what the replica has on disk. */
export async function startPair(sync: boolean): Promise<Pair> {
  const pair = await makePair(sync);
  await Promise.all([pair.primary.start(), pair.replica.start()]);
  return pair;
}

/** The same, not started. */
export async function makePair(sync: boolean): Promise<Pair> {
  const root = await mkdtemp(join(tmpdir(), "replication-"));
  const [primaryPort, replicaPort] = await freePorts();
  const primary = new Member(join(root, "primary"), primaryPort, sync ? PRIMARY_SYNC : []);
  const follows = [
    "--replication-is-replica",
    "--replication-primary-host=127.0.0.1",
    `--replication-primary-port=${primaryPort}`,
    `--replication-primary-username=${ServerProcess.user}`,
    `--replication-primary-password=${ServerProcess.password}`,
  ];
  const replica = new Member(join(root, "replica"), replicaPort, sync ? [...follows, SYNC] : follows);
  return {
    primary,
    replica,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

const SYNC = "--replication-sync-enabled";
const PRIMARY_SYNC = [SYNC, "--replication-sync-acks=1"];

/** Waits until something holds. It is for the run as a whole to be too long. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await Promise.resolve(holds()).catch(() => false))) await sleep(POLL_MS);
}

/**
 * Waits until the replica ends where the primary does, which may still be storing what nobody waits for any more. Resolves with
 * the last transaction of both.
 */
export async function untilLevel({ primary, replica }: Pair): Promise<readonly [ServerState, ServerState]> {
  return primary.with((source) =>
    replica.with(async (client) => {
      for (;;) {
        const found = await client.currentState();
        const wanted = await source.currentState();
        if (found.txId >= wanted.txId) return [wanted, found];
        await sleep(POLL_MS);
      }
    }),
  );
}

async function freePorts(): Promise<readonly [number, number]> {
  const listeners = [createServer(), createServer()];
  const ports: number[] = [];
  for (const listener of listeners) {
    await once(listener.listen(0, "127.0.0.1"), "listening");
    ports.push((listener.address() as AddressInfo).port);
  }
  for (const listener of listeners) await once(listener.close(), "close");
  return ports as [number, number];
}
