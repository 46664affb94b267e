// Calls as metrics, under the original's names. A method appears in all of them once it was called; the number of started calls
// is there for every method from the beginning, so that a rate can be taken over the first one.

import type { DescMethod } from "@bufbuild/protobuf";
import type { MetricFamily, Sample } from "../base/metrics.ts";
import type { ClientCounts } from "./call-counts.ts";
import type { ServedMethod } from "./pipeline.ts";

const GRPC_CODES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

const GRPC_TYPES: Readonly<Record<DescMethod["methodKind"], string>> = {
  unary: "unary",
  server_streaming: "server_stream",
  client_streaming: "client_stream",
  bidi_streaming: "bidi_stream",
};

type Counted = Pick<ServedMethod, "path" | "descriptor" | "counts">;

/** `histograms`: false leaves out latencies. */
export function callFamilies(methods: readonly Counted[], histograms: boolean): MetricFamily[] {
  const called = methods.filter(({ counts }) => counts.started > 0);
  const counters = [
    counter("grpc_server_started_total", "calls begun", methods, ({ counts }) => counts.started),
    counter("grpc_server_msg_received_total", "request messages", called, ({ counts }) => counts.received),
    counter("grpc_server_msg_sent_total", "answer messages", called, sent),
    {
      name: "grpc_server_handled_total",
      type: "counter" as const,
      help: "calls answered, by gRPC code",
      samples: called.flatMap(answered),
    },
  ];
  if (!histograms) return counters;
  return [
    ...counters,
    latencies("grpc_server_handling_seconds", called, labelsOf),
    latencies("immudb_query_latency_seconds", called, ({ path }) => ({ op: path })),
  ];
}

export function clientFamilies({ byAddress }: ClientCounts): MetricFamily[] {
  const clients = [...byAddress];
  return [
    {
      name: "immudb_number_of_rpcs_per_client",
      type: "counter",
      help: "calls by address of the caller",
      samples: clients.map(([ip, { calls }]) => ({ labels: { ip }, value: calls })),
    },
    {
      name: "immudb_clients_last_message_at_unix_seconds",
      type: "gauge",
      help: "when an address called last",
      samples: clients.map(([ip, { lastMs }]) => ({ labels: { ip }, value: lastMs / 1000 })),
    },
  ];
}

function counter(
  name: string,
  help: string,
  methods: readonly Counted[],
  numberOf: (method: Counted) => number,
): MetricFamily {
  const samples = methods.map((method) => ({ labels: labelsOf(method), value: numberOf(method) }));
  return { name, type: "counter", help, samples };
}

function sent({ descriptor, counts }: Counted): number {
  return descriptor.methodKind === "unary" ? (counts.answered[0] ?? 0) : counts.sent;
}

function answered(method: Counted): Sample[] {
  const samples: Sample[] = [];
  method.counts.answered.forEach((value, code) => {
    if (value > 0) samples.push({ labels: { ...labelsOf(method), grpc_code: GRPC_CODES[code] ?? "Unknown" }, value });
  });
  return samples;
}

function latencies(
  name: string,
  methods: readonly Counted[],
  labels: (method: Counted) => Readonly<Record<string, string>>,
): MetricFamily {
  const samples = methods.map((method) => ({ labels: labels(method), value: method.counts.seconds }));
  return { name, type: "histogram", help: "seconds from the request to the answer", samples };
}

function labelsOf({ descriptor }: Counted): Readonly<Record<string, string>> {
  return {
    grpc_type: GRPC_TYPES[descriptor.methodKind],
    grpc_service: descriptor.parent.typeName,
    grpc_method: descriptor.name,
  };
}
