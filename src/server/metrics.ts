// Everything that can be measured of this server, gathered when somebody asks: a scrape of Prometheus, or an export of
// OpenTelemetry. Nobody asking costs nothing but the counting.

import { METRIC_DATABASES_MAX } from "../base/limits.ts";
import { MeterStore } from "../base/meter-store.ts";
import type { Labels, MetricFamily, MetricType, Sample } from "../base/metrics.ts";
import type { DatabaseCondition } from "../database/database-info.ts";
import { ClientCounts } from "../services/call-counts.ts";
import { callFamilies, clientFamilies } from "../services/call-series.ts";
import type { Room, ServedMethod } from "../services/pipeline.ts";
import type { Readiness } from "./readiness.ts";

/** The parts of a started server that are looked at. */
export interface Measured {
  readonly room: Pick<Room, "databases" | "sessions" | "audit">;
  readonly methods: readonly ServedMethod[];
  readonly space: { readonly freeBytes: number | undefined };
  /** Bytes of request bodies in flight. */
  readonly inflight: { readonly taken: number };
}

export class Metrics {
  readonly meter: MeterStore = new MeterStore();
  readonly clients: ClientCounts = new ClientCounts();
  readonly #readiness: Readiness;
  readonly #histograms: boolean;
  readonly #startedAt = performance.now();
  #measured: Measured | undefined;

  /** `histograms`: whether latencies of calls are told. */
  constructor(readiness: Readiness, histograms: boolean) {
    this.#readiness = readiness;
    this.#histograms = histograms;
  }

  started(measured: Measured): void {
    this.#measured = measured;
  }

  /** All metrics as they are now. */
  families(): MetricFamily[] {
    const measured = this.#measured;
    return [
      one("immudb_uptime_hours", "counter", "hours since start", (performance.now() - this.#startedAt) / 3_600_000),
      one(
        "immudb_ts_ready",
        "gauge",
        "1 when /readyz says so, else 0",
        this.#readiness.obstacles().length === 0 ? 1 : 0,
      ),
      ...this.meter.families(),
      ...clientFamilies(this.clients),
      ...(measured === undefined ? [] : this.#ofStarted(measured)),
    ];
  }

  #ofStarted({ room, methods, space, inflight }: Measured): MetricFamily[] {
    return [
      ...callFamilies(methods, this.#histograms),
      ...databaseFamilies(room.databases.conditions()),
      one("immudb_active_sessions", "gauge", "open sessions", room.sessions.size),
      one("immudb_ts_inflight_bytes", "gauge", "request bodies in flight (max-inflight-bytes)", inflight.taken),
      one("immudb_ts_disk_free_bytes", "gauge", "free where the data is", space.freeBytes ?? Number.NaN),
    ];
  }
}

function databaseFamilies(all: readonly DatabaseCondition[]): MetricFamily[] {
  const named = all.slice(0, METRIC_DATABASES_MAX);
  const open = named.filter((database) => database.open !== undefined);
  const of = (
    name: string,
    help: string,
    databases: readonly DatabaseCondition[],
    sample: (database: DatabaseCondition) => number,
    labels: Labels = {},
  ): MetricFamily => {
    const samples = databases.map(
      (database): Sample => ({
        labels: { db: database.name, ...labels },
        value: sample(database),
      }),
    );
    return { name, type: "gauge", help, samples };
  };
  return [
    one(
      "immudb_loaded_databases",
      "gauge",
      "databases that calls may work on",
      all.filter((one) => one.isLoaded).length,
    ),
    one("immudb_ts_databases_unnamed", "gauge", "databases beyond those that metrics name", all.length - named.length),
    of("immudb_db_size_bytes", "bytes on disk", named, ({ diskSize }) => diskSize),
    of("immudb_remote_storage_kind", "1 for the kind of storage in use", named, () => 1, { kind: "none" }),
    of("immudb_last_committed_trx_id", "last transaction", named, ({ committed }) => Number(committed)),
    of("immudb_last_indexed_trx_id", "last transaction in the index", open, (one) => Number(one.open?.indexed)),
  ];
}

function one(name: string, type: MetricType, help: string, value: number): MetricFamily {
  return { name, type, help, samples: [{ labels: {}, value }] };
}
