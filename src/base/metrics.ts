// What is counted, in one table: every metric that a room reports through a Meter has a row here, so that a name without a
// meaning does not compile. Names are the original server's where the meaning is the same; the others begin with immudb_ts_.

/** Upper bounds of a latency histogram, in seconds: 0.1 ms to 10 s. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export type MetricType = "counter" | "gauge" | "histogram";
export type Labels = Readonly<Record<string, string>>;

export interface MetricShape {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
}

export type MetricName =
  | "immudb_number_of_stored_entries"
  | "immudb_ts_audit_events_total"
  | "immudb_ts_audit_events_waiting"
  | "immudb_ts_audit_refused_total"
  | "immudb_ts_audit_write_failures_total"
  | "immudb_replication_allow_commit_up_to_tx_id"
  | "immudb_replication_commit_time"
  | "immudb_replication_lag"
  | "immudb_replication_primary_committed_tx_id"
  | "immudb_replication_replicators"
  | "immudb_replication_replicators_active"
  | "immudb_replication_replicators_retries"
  | "immudb_replication_replicators_retry_delay"
  | "immudb_replication_tx_wait_queue"
  | "immudb_ts_database_open_seconds"
  | "immudb_ts_databases_open"
  | "immudb_ts_databases_quarantined"
  | "immudb_ts_http2_connections"
  | "immudb_ts_http2_connections_failed_total"
  | "immudb_ts_replication_diverged";

const counter = (help: string, ...labels: string[]): MetricShape => ({ type: "counter", help, labels });
const gauge = (help: string, ...labels: string[]): MetricShape => ({ type: "gauge", help, labels });
const seconds = (help: string, ...labels: string[]): MetricShape => ({ type: "histogram", help, labels });

/** Histograms are of seconds. */
export const METRICS: Readonly<Record<MetricName, MetricShape>> = {
  immudb_number_of_stored_entries: gauge("entries written since the server started", "db"),
  immudb_ts_audit_events_total: counter("calls recorded in the audit log, by type", "type"),
  immudb_ts_audit_events_waiting: gauge("calls that have a place in the audit log and are not on disk there yet"),
  immudb_ts_audit_refused_total: counter("calls turned away because the audit log took no record of them"),
  immudb_ts_audit_write_failures_total: counter("failed attempts to write to the audit log; each is repeated"),
  immudb_replication_allow_commit_up_to_tx_id: gauge(
    "last transaction that the primary lets a synchronous replica commit",
    "db",
  ),
  immudb_replication_commit_time: seconds("time that a replica takes to write a transaction", "db"),
  immudb_replication_lag: gauge("transactions that the primary has committed and the replica has not", "db"),
  immudb_replication_primary_committed_tx_id: gauge(
    "last transaction that the primary of a replica has committed",
    "db",
  ),
  immudb_replication_replicators: gauge("transactions that a replica may write at once", "db"),
  immudb_replication_replicators_active: gauge("transactions that a replica writes now", "db"),
  immudb_replication_replicators_retries: counter("times that a replica tried again after a failure", "db"),
  immudb_replication_replicators_retry_delay: gauge("seconds until a replica tries again; 0 while it follows", "db"),
  immudb_replication_tx_wait_queue: seconds("time that a fetched transaction waits for its turn", "db"),
  immudb_ts_database_open_seconds: seconds("time to open a database"),
  immudb_ts_databases_open: gauge("databases open now; the other loaded ones are opened by their next call"),
  immudb_ts_databases_quarantined: gauge("databases out of service because they are damaged"),
  immudb_ts_http2_connections: gauge("HTTP/2 connections"),
  immudb_ts_http2_connections_failed_total: counter("HTTP/2 connections that ended with an error", "code"),
  immudb_ts_replication_diverged: gauge(
    "1 when a replica has stopped because its history is not that of its primary",
    "db",
  ),
};

/** Observations sorted into buckets. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; the last one holds what is beyond every bound. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    this.count++;
  }
}

export interface Sample {
  readonly labels: Labels;
  /** A number for counters and gauges. */
  readonly value: number | Histogram;
}

/** A metric as it is now, for whoever passes it on. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly Sample[];
}
