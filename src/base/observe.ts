// What the rooms say about themselves. Implementations (pino, Prometheus) live in server; a library user may pass none.

/** Structured log: fields first, then a sentence. Fields never hold secrets or stored values. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Counters and gauges by name, with labels. */
export interface Meter {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  /** Observes a duration or size. */
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}

const nothing = (): void => {};

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
export const silentMeter: Meter = { count: nothing, gauge: nothing, observe: nothing };
