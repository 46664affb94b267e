// `npm run bench`: what the key-value calls cost on this machine, over gRPC, against a real server in a process of its own.
// Figures of different machines cannot be compared; what can is the ratio to Health, the call that does nothing, measured
// in the same run. Client and server share the machine, and both cost.

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../scripts/server-process.ts";
import { utf8 } from "../src/base/bytes.ts";
import { ImmuClient } from "../src/client/client.ts";
import { credentialHeaders } from "../src/client/credentials.ts";
import { createNodeTransport, type NodeTransport } from "../src/client/node.ts";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { type Load, type Measured, measure, type Scenario } from "./measure.ts";

const LOAD: Load = { lanes: 32, warmUpMs: 400, turns: 5, turnMs: 250 };
const CONNECTIONS = 4;
const KEYS = 1000;
const VALUE_BYTES = 256;
const BATCH = 100;

type KeyValue = { readonly key: Uint8Array; readonly value: Uint8Array };

useNodeSha256();
const directory = await mkdtemp(join(tmpdir(), "bench-"));
try {
  await using server = new ServerProcess(directory);
  const address = await server.serving;
  const transports = Array.from({ length: CONNECTIONS }, () => createNodeTransport(address));
  console.log(report(await measure(await scenarios(transports), LOAD)));
  for (const transport of transports) transport.close();
  await server.stop();
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function scenarios(transports: readonly NodeTransport[]): Promise<Scenario[]> {
  const login = new ImmuClient(transports[0] as NodeTransport, { address: "bench" });
  await login.openSession(ServerProcess.user, ServerProcess.password);
  const { credentials } = login;
  const options = { headers: credentialHeaders(credentials) };
  // A client verifies one answer at a time, so each lane has one of its own.
  const connected = Array.from({ length: LOAD.lanes }, (_, lane) => {
    const transport = transports[lane % CONNECTIONS] as NodeTransport;
    return {
      rpc: createClient(ImmuService, transport),
      client: new ImmuClient(transport, { address: "bench", credentials }),
    };
  });
  const on = (lane: number): (typeof connected)[number] => connected[lane] as (typeof connected)[number];
  const since = await fill(login);

  return [
    { name: "Health", records: 1, call: (lane) => on(lane).rpc.health({}) },
    { name: "Get", records: 1, call: (lane, n) => on(lane).rpc.get({ key: pair(n).key }, options) },
    {
      name: "VerifiableGet",
      records: 1,
      call: (lane, n) => on(lane).rpc.verifiableGet({ keyRequest: { key: pair(n).key }, proveSinceTx: since }, options),
    },
    {
      name: "VerifiableGet, checked by the client",
      records: 1,
      call: (lane, n) => on(lane).client.verifiedGet(pair(n).key),
    },
    {
      name: `Scan of ${BATCH}`,
      records: BATCH,
      call: (lane) => on(lane).rpc.scan({ limit: BigInt(BATCH) }, options),
    },
    { name: "Set", records: 1, call: (lane, n) => on(lane).rpc.set({ KVs: [pair(n)] }, options) },
    {
      name: "VerifiableSet",
      records: 1,
      call: (lane, n) => on(lane).rpc.verifiableSet({ setRequest: { KVs: [pair(n)] }, proveSinceTx: since }, options),
    },
    // Keys of its own, so that the proofs of the other scenarios stay those of small transactions.
    {
      name: `Set of ${BATCH}`,
      records: BATCH,
      call: (lane, n) => on(lane).rpc.set({ KVs: batch("batch ", n) }, options),
    },
  ];
}

/** Writes every key once, each in a transaction of its own. Returns the first transaction. */
async function fill(client: ImmuClient): Promise<bigint> {
  const { id } = await client.setAll([pair(0)]);
  for (let n = 0; n < KEYS / BATCH; n++) await Promise.all(batch("", n).map((each) => client.setAll([each])));
  return id;
}

function pair(n: number, prefix = ""): KeyValue {
  return { key: utf8(`${prefix}key ${n % KEYS}`), value: new Uint8Array(VALUE_BYTES).fill(n) };
}

function batch(prefix: string, n: number): KeyValue[] {
  return Array.from({ length: BATCH }, (_, i) => pair(n * BATCH + i, prefix));
}

function report(results: readonly Measured[]): string {
  const health = results[0] as Measured;
  const processors = cpus();
  const rows = results.map(({ scenario, callsPerSecond, medianMs, p99Ms }) => [
    scenario.name,
    callsPerSecond.toFixed(0),
    (callsPerSecond * scenario.records).toFixed(0),
    medianMs.toFixed(1),
    p99Ms.toFixed(1),
    (callsPerSecond / health.callsPerSecond).toFixed(2),
  ]);
  const heads = ["call", "calls/s", "records/s", "median ms", "p99 ms", "of Health"];
  return [
    `Node ${process.version}, ${process.platform} ${process.arch}, ${processors.length} × ${processors[0]?.model}: client and server share it.`,
    `${LOAD.lanes} calls under way on ${CONNECTIONS} gRPC connections; ${LOAD.turns} turns of ${LOAD.turnMs} ms each; values of ${VALUE_BYTES} bytes; commits synced.`,
    "",
    `| ${heads.join(" | ")} |`,
    `| --- |${" ---: |".repeat(heads.length - 1)}`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
}
