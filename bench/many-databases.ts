// `npm run bench:databases -- --databases 1000 [--active 100]`: what many databases cost a server of which only so many may be
// open: file descriptors and memory, and how long a call takes that has to open its database first. The server is a process
// of its own on Linux, one call is under way at a time.

import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../scripts/server-process.ts";
import { utf8 } from "../src/base/bytes.ts";
import { ACTIVE_DATABASES_MAX } from "../src/base/limits.ts";
import { createNodeTransport } from "../src/client/node.ts";

const KEY = utf8("key");
const VALUE = new Uint8Array(256);
const ROUNDS = 2;

const { values: flags } = parseArgs({
  options: {
    databases: { type: "string", default: "1000" },
    active: { type: "string", default: String(ACTIVE_DATABASES_MAX) },
  },
});
const names = Array.from({ length: Number(flags.databases) }, (_, i) => `db${i}`);
const directory = await mkdtemp(join(tmpdir(), "bench-"));
const rows: string[][] = [];

/** Calls of one administrator, who holds a token for each database. */
class Calls {
  readonly #transport: ReturnType<typeof createNodeTransport>;
  readonly #rpc;
  readonly #headers: Record<string, string>;
  readonly #byDatabase = new Map<string, { headers: Record<string, string> }>();

  private constructor(transport: ReturnType<typeof createNodeTransport>, token: string) {
    this.#transport = transport;
    this.#rpc = createClient(ImmuService, transport);
    this.#headers = { authorization: token };
  }

  static async connect(address: string): Promise<Calls> {
    const transport = createNodeTransport(address);
    const login = { user: utf8(ServerProcess.user), password: utf8(ServerProcess.password) };
    return new Calls(transport, (await createClient(ImmuService, transport).login(login)).token);
  }

  async create(name: string): Promise<void> {
    await this.#rpc.createDatabaseV2({ name }, { headers: this.#headers });
    await this.select(name);
    await this.set(name);
  }

  /** Opens nothing: only the call after it does. */
  async select(name: string): Promise<void> {
    const { token } = await this.#rpc.useDatabase({ databaseName: name }, { headers: this.#headers });
    this.#byDatabase.set(name, { headers: { authorization: token } });
  }

  async get(name: string): Promise<void> {
    await this.#rpc.get({ key: KEY }, this.#byDatabase.get(name));
  }

  async set(name: string): Promise<void> {
    await this.#rpc.set({ KVs: [{ key: KEY, value: VALUE }] }, this.#byDatabase.get(name));
  }

  close(): void {
    this.#transport.close();
  }
}

try {
  {
    await using server = new ServerProcess(directory, `--max-active-databases=${flags.active}`);
    const calls = await Calls.connect(await server.serving);
    rows.push(row("started, empty", server, []));
    const created = await timed(names, (name) => calls.create(name));
    rows.push(row("each created and written to", server, created));
    calls.close();
    await server.stop();
  }
  await using server = new ServerProcess(directory, `--max-active-databases=${flags.active}`);
  const startedMs = performance.now();
  const address = await server.serving;
  const startMs = performance.now() - startedMs;
  const calls = await Calls.connect(address);
  rows.push(row("started again", server, []));
  for (const name of names) await calls.select(name);
  for (let round = 1; round <= ROUNDS; round++) {
    const cold = await timed(names, (name) => calls.get(name));
    rows.push(row(`each read once, cold, round ${round}`, server, cold));
  }
  const last = names.slice(-Number(flags.active) / 2);
  rows.push(row(`the last ${last.length} read again, warm`, server, await timed(last, (name) => calls.get(name))));
  rows.push(row("each written to, cold", server, await timed(names, (name) => calls.set(name))));
  // What the disk does to a write that opens nothing: as many calls, or their tails could not be compared.
  const open = names.map((_, i) => last[i % last.length] as string);
  rows.push(
    row(`the last ${last.length} written to in turns, warm`, server, await timed(open, (name) => calls.set(name))),
  );
  calls.close();
  await server.stop();
  console.log(report(startMs));
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function timed(of: readonly string[], call: (name: string) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (const name of of) {
    const beganMs = performance.now();
    await call(name);
    times.push(performance.now() - beganMs);
  }
  return times.sort((a, b) => a - b);
}

function row(state: string, server: ServerProcess, sortedMs: readonly number[]): string[] {
  const at = (share: number): string =>
    sortedMs.length === 0 ? "" : (sortedMs[Math.floor((sortedMs.length - 1) * share)] as number).toFixed(1);
  const descriptors = readdirSync(`/proc/${server.pid}/fd`).length;
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8")) ?? [];
  return [state, String(descriptors), (Number(kib) / 1024).toFixed(0), at(0.5), at(0.99), at(1)];
}

function report(startMs: number): string {
  const processors = cpus();
  const heads = ["after", "file descriptors", "RSS MB", "median ms", "p99 ms", "longest ms"];
  return [
    `Node ${process.version}, ${process.platform} ${process.arch}, ${processors.length} × ${processors[0]?.model}: client and server share it.`,
    `${names.length} databases, ${flags.active} of them open at most; one call at a time; commits synced. Start with all of them: ${startMs.toFixed(0)} ms.`,
    "",
    `| ${heads.join(" | ")} |`,
    `| --- |${" ---: |".repeat(heads.length - 1)}`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}
