// immuadmin stats: what the server's metrics say, for people and for scripts.

import { bytesText, secondsText } from "../../amounts.ts";
import type { Answer, Json } from "../../output.ts";
import type { AdminConnection } from "../calls.ts";
import { fetchMetrics } from "./fetch.ts";
import { parseMetrics, type Sample } from "./metrics-text.ts";

export interface StatsOptions {
  readonly metricsPort: number;
  readonly raw?: boolean;
}

interface Stats {
  readonly upSeconds: number;
  readonly sessions: number;
  readonly databases: readonly { name: string; entries: number; sizeBytes: number; transactions: number }[];
  readonly clients: readonly { address: string; calls: number; lastCallAt: number }[];
  readonly methods: readonly { method: string; calls: number; averageMicroseconds: number }[];
}

export async function stats({ options }: AdminConnection, { metricsPort, raw }: StatsOptions): Promise<Answer> {
  const text = await fetchMetrics(options, metricsPort);
  const samples = parseMetrics(text);
  if (raw === true) return { text: [text], json: samples.map(({ name, labels, value }) => ({ name, labels, value })) };
  const found = statsOf(samples);
  return { text: linesOf(found).map((line) => `${line}\n`), json: found as unknown as Json };
}

function statsOf(samples: readonly Sample[]): Stats {
  const of = (name: string): readonly Sample[] => samples.filter((sample) => sample.name === name);
  const one = (name: string): number => of(name)[0]?.value ?? 0;
  const by = (name: string, label: string): ReadonlyMap<string, number> =>
    new Map(of(name).map(({ labels, value }) => [labels[label] ?? "", value]));
  const entries = by("immudb_number_of_stored_entries", "db");
  const committed = by("immudb_last_committed_trx_id", "db");
  const lastCalls = by("immudb_clients_last_message_at_unix_seconds", "ip");
  const seconds = by("immudb_query_latency_seconds_sum", "op");
  return {
    upSeconds: Math.floor(one("immudb_uptime_hours") * 3600),
    sessions: one("immudb_active_sessions"),
    databases: [...by("immudb_db_size_bytes", "db")].map(([name, sizeBytes]) => {
      return { name, entries: entries.get(name) ?? 0, sizeBytes, transactions: committed.get(name) ?? 0 };
    }),
    clients: [...by("immudb_number_of_rpcs_per_client", "ip")].map(([address, calls]) => {
      return { address, calls, lastCallAt: lastCalls.get(address) ?? 0 };
    }),
    methods: [...by("immudb_query_latency_seconds_count", "op")]
      .filter(([, calls]) => calls > 0)
      .map(([op, calls]) => {
        const averageMicroseconds = Math.round(((seconds.get(op) ?? 0) / calls) * 1_000_000);
        return { method: op.split("/").at(-1) ?? op, calls, averageMicroseconds };
      }),
  };
}

function linesOf({ upSeconds, sessions, databases, clients, methods }: Stats): string[] {
  const now = Date.now() / 1000;
  return [
    line("Uptime", secondsText(upSeconds)),
    line("Sessions", String(sessions)),
    ...databases.flatMap(({ name, entries, sizeBytes, transactions }) => [
      line("Database", name),
      line("  Transactions", String(transactions)),
      line("  Entries since the start", String(entries)),
      line("  Size", bytesText(sizeBytes)),
    ]),
    line("Number of clients", String(clients.length)),
    ...(clients.length > 0 ? ["Queries per client"] : []),
    ...clients.map(({ address, calls, lastCallAt }) =>
      line(`  ${address}`, `${calls} (last one ${secondsText(Math.max(0, now - lastCallAt))} ago)`),
    ),
    ...(methods.length > 0 ? ["Avg. duration (calls)"] : []),
    ...methods.map(({ method, calls, averageMicroseconds }) =>
      line(`  ${method}`, `${averageMicroseconds} µs (${calls})`),
    ),
  ];
}

function line(label: string, value: string): string {
  return `${label.padEnd(26)} : ${value}`;
}
