// Metrics in the text form of Prometheus, and what Node tells about its process.

import { Histogram, type MetricFamily, type Sample } from "../base/metrics.ts";

/** What prom-client takes for one number of a metric. */
interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Memory, processor time, event loop and garbage collection: of the process, so gathered once however many servers are in it. */
const load = async () => {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  return { client, registry };
};
let loading: ReturnType<typeof load> | undefined;

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** These metrics and those of the process. */
export async function prometheusText(families: readonly MetricFamily[]): Promise<string> {
  loading ??= load();
  const { client, registry } = await loading;
  const own = new client.Registry();
  for (const { name, help, type, samples } of families) {
    if (samples.length === 0) continue;
    const metric = { name, help, type, values: samples.flatMap((sample) => valuesOf(name, sample)) };
    // The registry asks nothing of a metric but its name and its values.
    own.registerMetric({ name, get: () => Promise.resolve(metric) } as unknown as Parameters<
      typeof own.registerMetric
    >[0]);
  }
  return `${await own.metrics()}\n${await registry.metrics()}`;
}

function valuesOf(name: string, { labels, value }: Sample): Value[] {
  if (!(value instanceof Histogram)) return [{ labels, value }];
  let below = 0;
  const buckets = [...value.counts].map((count, i) => {
    below += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: value.bounds[i] ?? "+Inf" }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: value.sum },
    { metricName: `${name}_count`, labels, value: value.count },
  ];
}
