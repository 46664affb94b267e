// Calls as spans, and all metrics, to a collector by OTLP over HTTP. Loaded only where the environment asks for it
// (telemetry-settings.ts): this file alone imports the packages of OpenTelemetry.
//
// A span is made when its call has ended, from what the access log is told too. It belongs to the trace of the caller where he
// sends a traceparent. Its attributes are those of the rpc conventions; never a key, a value or a credential.

import { DiagLogLevel, diag, type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, ValueType } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { TELEMETRY_STOP_MS } from "../base/limits.ts";
import { Histogram, type Labels, type MetricFamily } from "../base/metrics.ts";
import type { Logger } from "../base/observe.ts";
import type { CallContext } from "../services/call.ts";
import type { CallListener } from "./call-log.ts";
import type { TelemetrySettings, TraceSettings } from "./telemetry-settings.ts";
import { OWN_VERSION } from "./version.ts";

const SCOPE = "immudb-ts";
const SAME_TROUBLE_MS = 60_000;

export interface Telemetry {
  /** Told of calls; undefined: there are no traces. */
  readonly listener: CallListener | undefined;
  /** Sends what waits. */
  close(): Promise<void>;
}

export function startTelemetry(
  { traces, metrics }: TelemetrySettings,
  families: () => readonly MetricFamily[],
  logger: Logger,
): Telemetry {
  tellTroubles(logger);
  const own = { "service.name": "immudb", "service.version": OWN_VERSION };
  const resource = defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
  const tracing = traces && startTraces(traces, resource);
  const meters = metrics && startMetrics(metrics.everyMs, families, resource);
  return {
    listener: tracing?.listener,
    close: async () => {
      // A collector that is not there keeps nobody from stopping.
      const sent = Promise.allSettled([tracing?.provider.shutdown(), meters?.shutdown()]);
      await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, TELEMETRY_STOP_MS).unref())]);
    },
  };
}

function startTraces(
  { sampler: { parentBased, ratio }, queueMax, batchMax, everyMs }: TraceSettings,
  resource: Resource,
): { readonly provider: TracerProvider; readonly listener: CallListener } {
  const root = new TraceIdRatioBasedSampler(ratio);
  const provider = new TracerProvider({
    resource,
    sampler: parentBased ? new ParentBasedSampler({ root }) : root,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        maxQueueSize: queueMax,
        maxExportBatchSize: Math.min(batchMax, queueMax),
        scheduledDelayMillis: everyMs,
      }),
    ],
  });
  const tracer = provider.getTracer(SCOPE, OWN_VERSION);
  const propagator = new W3CTraceContextPropagator();
  const tell: CallListener["tell"] = ({ path, user, peer, database, startedMs, durationMs, failure }, ctx) => {
    const [, service = "", method = ""] = path.split("/");
    const attributes = {
      "rpc.system": "grpc",
      "rpc.service": service,
      "rpc.method": method,
      "rpc.grpc.status_code": failure?.code ?? 0,
      "client.address": peer,
      ...(user !== "" && { "user.name": user }),
      ...(database !== undefined && { "db.namespace": database }),
    };
    const caller = propagator.extract(ROOT_CONTEXT, ctx, HEADERS);
    const span = tracer.startSpan(path.slice(1), { kind: SpanKind.SERVER, startTime: startedMs, attributes }, caller);
    if (failure !== undefined && SERVER_FAULTS.has(failure.code)) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
    }
    span.end(startedMs + durationMs);
  };
  return { provider, listener: { fromMs: 0, tell } };
}

/** gRPC codes that are the server's fault, as the rpc conventions have it: unknown, deadline_exceeded, unimplemented, internal, unavailable, data_loss. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

const HEADERS = {
  get: (ctx: CallContext, name: string): string | undefined => ctx.header(name),
  keys: (): string[] => [],
};

function startMetrics(everyMs: number, families: () => readonly MetricFamily[], resource: Resource): MeterProvider {
  const startTime = hrTimeOf(performance.timeOrigin + performance.now());
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: everyMs,
    exportTimeoutMillis: Math.min(everyMs, 30_000),
    metricProducers: [
      {
        collect: async () => {
          const metrics = families().map((family) => metricDataOf(family, startTime, hrTimeOf(Date.now())));
          const scopeMetrics = [{ scope: { name: SCOPE, version: OWN_VERSION }, metrics }];
          return { resourceMetrics: { resource, scopeMetrics }, errors: [] };
        },
      },
    ],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

function metricDataOf({ name, help, type, samples }: MetricFamily, startTime: HrTime, endTime: HrTime): MetricData {
  const common = {
    descriptor: { name, description: help, unit: type === "histogram" ? "s" : "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const point = <T>(labels: Labels, value: T): DataPoint<T> => ({
    startTime,
    endTime,
    attributes: { ...labels },
    value,
  });
  if (type === "histogram") {
    const dataPoints = samples.flatMap(({ labels, value }) => {
      return value instanceof Histogram ? [point(labels, histogramOf(value))] : [];
    });
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = samples.flatMap(({ labels, value }) => (typeof value === "number" ? [point(labels, value)] : []));
  if (type === "gauge") return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function histogramOf({ bounds, counts, sum, count }: Histogram) {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}

function hrTimeOf(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1_000_000)];
}

/** What goes wrong on the way to the collector, each trouble once a minute. */
function tellTroubles(logger: Logger): void {
  const toldMs = new Map<string, number>();
  const tell = (message: string): void => {
    const now = Date.now();
    if (now - (toldMs.get(message) ?? 0) < SAME_TROUBLE_MS) return;
    if (toldMs.size >= 100) toldMs.clear();
    toldMs.set(message, now);
    logger.warn({ reason: message.slice(0, 500) }, "OpenTelemetry: something could not be sent");
  };
  const nothing = (): void => {};
  diag.setLogger({ error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN);
}
