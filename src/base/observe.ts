// What the rooms say about themselves. Implementations live in server (the log) and in meter-store; a library user may pass none.

import type { Labels, MetricName } from "./metrics.ts";

/** Structured log: fields first, then a sentence. Fields never hold secrets or stored values. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Counters, gauges and histograms by name. Never labels whose values a caller chooses without bound. */
export interface Meter {
  count(name: MetricName, value?: number, labels?: Labels): void;
  gauge(name: MetricName, value: number, labels?: Labels): void;
  /** Observes a duration, in seconds. */
  observe(name: MetricName, value: number, labels?: Labels): void;
}

const nothing = (): void => {};

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
export const silentMeter: Meter = { count: nothing, gauge: nothing, observe: nothing };
