// The longest values, many at once, against the real program: its memory stays within what its budget allows, and whoever
// finds no room is told so.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { equalBytes, utf8 } from "../../src/base/bytes.ts";
import { CONNECTION_MEMORY_MB_MAX } from "../../src/base/limits.ts";
import { ADMIN, type Refusal, refusalOf } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));
const MIB = 1024 * 1024;
const VALUE_BYTES = 31 * MIB;
const BUDGET_BYTES = 100 * MIB;
/** As many of these values as fit into the budget. */
const FITTING = 3;
/** How many times a value may be in memory while it passes through: received, decoded, stored; read, encoded, sent. */
const COPIES_MAX = 6;

/** A value that differs in every MiB, so that pieces cannot be mixed up. */
function longValue(seed: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES);
  for (let i = 0; i < VALUE_BYTES; i += 4096) value.fill((i / 4096 + seed) % 251, i, i + 4096);
  return value;
}

/** Starts to watch a process: what is returned tells by how many bytes its memory grew at most since. */
function watchMemory(child: ChildProcess): () => number {
  const bytes = (field: "VmRSS" | "VmHWM"): number => {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  };
  // The kernel forgets the greatest size so far.
  writeFileSync(`/proc/${child.pid}/clear_refs`, "5");
  const before = bytes("VmRSS");
  return () => bytes("VmHWM") - before;
}

/** A client on a connection of its own, which may hold a whole value that waits to be sent. */
function grpcClient(baseUrl: string): Client<typeof ImmuService> {
  const nodeOptions = { maxSessionMemory: CONNECTION_MEMORY_MB_MAX };
  return createClient(ImmuService, createGrpcTransport({ baseUrl, readMaxBytes: 64 * MIB, nodeOptions }));
}

describe("the longest values, many at once", {
  skip: process.platform !== "linux" && "memory is read from /proc",
}, () => {
  let directory: string;
  let child: ChildProcess;
  let url: string;
  let client: Client<typeof ImmuService>;
  let headers: { sessionid: string };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "large-values-"));
    const flags = ["--port=0", "--address=127.0.0.1", `--dir=${directory}`, `--max-inflight-bytes=${BUDGET_BYTES}`];
    child = spawn(process.execPath, [PROGRAM, ...flags], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    for await (const chunk of child.stdout ?? []) {
      said += chunk;
      const found = /http:\S+:\d+/.exec(said);
      if (found === null) continue;
      url = found[0];
      break;
    }
    client = grpcClient(url);
    headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
  });

  after(async () => {
    child.kill("SIGTERM");
    await once(child, "close");
    await rm(directory, { recursive: true });
  });

  test("twenty sets at once: those that fit are stored, the others are refused by the name of the setting", async (t) => {
    const value = longValue(0);
    await client.set({ KVs: [{ key: utf8("warm"), value }] }, { headers });
    const growth = watchMemory(child);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, i): Promise<Refusal | bigint> => {
        const call = grpcClient(url).set({ KVs: [{ key: utf8(`set ${i}`), value }] }, { headers });
        return call.then(
          (header) => header.id,
          () => refusalOf(call),
        );
      }),
    );
    const refused = outcomes.filter((outcome) => typeof outcome === "object");
    const stored = outcomes.flatMap((outcome, i) => (typeof outcome === "bigint" ? [i] : []));
    const reasons = [...new Set(refused.map(({ text }) => text))].join("; ");
    assert.ok(stored.length >= FITTING, `${stored.length} were stored, the others: ${reasons}`);
    assert.ok(refused.length > 0);
    for (const { code, text } of refused) {
      assert.equal(code, Code.ResourceExhausted, text);
      assert.match(text, /max-inflight-bytes/);
    }
    const grown = growth();
    t.diagnostic(`${stored.length} of 20 sets stored: memory grew by ${Math.round(grown / MIB)} MiB`);
    assert.ok(grown < COPIES_MAX * BUDGET_BYTES, `memory grew by ${grown} bytes`);
    for (const i of stored) {
      const entry = await client.get({ key: utf8(`set ${i}`) }, { headers });
      assert.ok(equalBytes(entry.value, value), `value ${i}`);
    }
    assert.equal((await client.countAll({}, { headers })).count, BigInt(stored.length + 1));
  });

  test("five gets at once answer five whole values", async (t) => {
    const values = [1, 2, 3, 4, 5].map(longValue);
    for (const [i, value] of values.entries()) {
      await client.set({ KVs: [{ key: utf8(`get ${i}`), value }] }, { headers });
    }
    const growth = watchMemory(child);
    const entries = await Promise.all(values.map((_, i) => client.get({ key: utf8(`get ${i}`) }, { headers })));
    const grown = growth();
    t.diagnostic(`five gets: memory grew by ${Math.round(grown / MIB)} MiB`);
    for (const [i, entry] of entries.entries())
      assert.ok(equalBytes(entry.value, values[i] as Uint8Array), `value ${i}`);
    assert.ok(grown < COPIES_MAX * values.length * VALUE_BYTES, `memory grew by ${grown} bytes`);
  });

  for (const [name, transport] of [
    ["gRPC-Web", createGrpcWebTransport],
    ["Connect", createConnectTransport],
  ] as const) {
    test(`the budget is given back after every call, and holds for ${name} too`, async () => {
      const one = createClient(ImmuService, transport({ baseUrl: url, httpVersion: "1.1" }));
      const value = longValue(9);
      for (let i = 0; i < 4; i++) await one.set({ KVs: [{ key: utf8("again"), value }] }, { headers });
      const many = Array.from({ length: 5 }, () => one.set({ KVs: [{ key: utf8("again"), value }] }, { headers }));
      const refusals = await Promise.all(
        many.map((call) =>
          call.then(
            () => undefined,
            () => refusalOf(call),
          ),
        ),
      );
      const refused = refusals.filter((refusal) => refusal !== undefined);
      assert.ok(many.length - refused.length >= FITTING);
      for (const { text } of refused) assert.match(text, /max-inflight-bytes/);
    });
  }
});
