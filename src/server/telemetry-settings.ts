// Whether and how OpenTelemetry is told of calls and metrics, from the variables that its specification names. Nothing is sent
// unless one of them asks for it. Endpoints, headers, timeouts and certificates (OTEL_EXPORTER_OTLP_…), and the name of the service (OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES), are read by the official packages themselves.

import type { Environment } from "./config-file.ts";

export interface TelemetrySettings {
  readonly traces: TraceSettings | undefined;
  readonly metrics: { readonly everyMs: number } | undefined;
}

export interface TraceSettings {
  /** Which traces are kept, of those that begin here; the caller's own decision counts where `parentBased`. */
  readonly sampler: { readonly parentBased: boolean; readonly ratio: number };
  /** Spans that wait to be sent; more are dropped. */
  readonly queueMax: number;
  readonly batchMax: number;
  readonly everyMs: number;
}

type Warn = (sentence: string) => void;

/** undefined: nothing is told. `warn` hears of values that are not taken. */
export function telemetrySettings(environment: Environment, warn: Warn): TelemetrySettings | undefined {
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const number = (name: string, initial: number): number => positive(environment, name, initial, warn);
  const traces = isWanted("TRACES", environment, warn)
    ? {
        sampler: sampler(environment, warn),
        queueMax: number("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
        batchMax: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
        everyMs: number("OTEL_BSP_SCHEDULE_DELAY", 5000),
      }
    : undefined;
  const metrics = isWanted("METRICS", environment, warn)
    ? { everyMs: number("OTEL_METRIC_EXPORT_INTERVAL", 60_000) }
    : undefined;
  return traces === undefined && metrics === undefined ? undefined : { traces, metrics };
}

/** A signal is sent when its exporter is `otlp`, or when there is an endpoint and nothing said about the exporter. */
function isWanted(signal: "TRACES" | "METRICS", environment: Environment, warn: Warn): boolean {
  const exporter = environment[`OTEL_${signal}_EXPORTER`] || undefined;
  const endpoint = environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] || environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (exporter === "none" || (exporter === undefined && !endpoint)) return false;
  if (exporter !== undefined && exporter !== "otlp") {
    warn(`OTEL_${signal}_EXPORTER is '${exporter}', and only otlp and none are known: nothing is sent`);
    return false;
  }
  const name = environment[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ? `OTLP_${signal}_PROTOCOL` : "OTLP_PROTOCOL";
  const protocol = environment[`OTEL_EXPORTER_${name}`] || "http/protobuf";
  if (protocol === "http/protobuf") return true;
  warn(`OTEL_EXPORTER_${name} is '${protocol}', and only http/protobuf (port 4318) is spoken: nothing is sent`);
  return false;
}

const RATIOS: Readonly<Record<string, number | undefined>> = { always_on: 1, always_off: 0, traceidratio: undefined };

function sampler(environment: Environment, warn: Warn): TraceSettings["sampler"] {
  const name = environment["OTEL_TRACES_SAMPLER"] || "parentbased_always_on";
  const parentBased = name.startsWith("parentbased_");
  const root = parentBased ? name.slice("parentbased_".length) : name;
  if (!Object.hasOwn(RATIOS, root)) {
    warn(`OTEL_TRACES_SAMPLER is '${name}', which is not known: parentbased_always_on is taken`);
    return { parentBased: true, ratio: 1 };
  }
  const argument = Number(environment["OTEL_TRACES_SAMPLER_ARG"] || 1);
  const isRatio = argument >= 0 && argument <= 1;
  if (root === "traceidratio" && !isRatio) warn("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1: 1 is taken");
  return { parentBased, ratio: RATIOS[root] ?? (isRatio ? argument : 1) };
}

function positive(environment: Environment, name: string, initial: number, warn: Warn): number {
  const text = environment[name] || String(initial);
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  warn(`${name} is '${text}', which is not a number from 1: ${initial} is taken`);
  return initial;
}
