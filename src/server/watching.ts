// Everything that watches the server and is watched from outside: metrics and health on their own port, calls in the log. It
// is there before the first database is opened, and goes after the last one is closed.

import { type Logger, type Meter, silentMeter } from "../base/observe.ts";
import type { Room } from "../services/pipeline.ts";
import { accessLog, type CallListener, slowCallLog, telling } from "./call-log.ts";
import type { ServerConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { type Measured, Metrics } from "./metrics.ts";
import { MetricsServer, type MetricsServerOptions } from "./metrics-server.ts";
import { Readiness, type Vitals } from "./readiness.ts";
import type { Tls } from "./tls.ts";

export class Watching implements AsyncDisposable {
  /** Those of the server, once there are any. */
  replicas: { diverged(): readonly string[] } | undefined;
  readonly #readiness: Readiness;
  readonly #metrics: Metrics | undefined;
  readonly #listeners: readonly CallListener[];
  readonly #opened: AsyncDisposableStack;
  /** Where metrics and health are served, if they are. */
  readonly metricsPort: number | undefined;

  private constructor(
    readiness: Readiness,
    metrics: Metrics | undefined,
    listeners: readonly CallListener[],
    server: MetricsServer | undefined,
    opened: AsyncDisposableStack,
  ) {
    this.#readiness = readiness;
    this.#metrics = metrics;
    this.#listeners = listeners;
    this.metricsPort = server?.port;
    this.#opened = opened;
  }

  /** Throws StartError when the port that was asked for cannot be had. */
  static async start(config: ServerConfig, tls: Tls | undefined, logger: Logger): Promise<Watching> {
    await using opened = new AsyncDisposableStack();
    const readiness = new Readiness(config.readyIndexLagMax);
    const { telemetry } = config;
    const isMeasured = config.metrics !== undefined || telemetry?.metrics !== undefined;
    const metrics = isMeasured ? new Metrics(readiness, config.histograms) : undefined;
    const listeners: CallListener[] = [];
    if (telemetry !== undefined) {
      const { startTelemetry } = await import("./telemetry.ts");
      const { listener, close } = startTelemetry(telemetry, () => metrics?.families() ?? [], logger);
      if (listener !== undefined) listeners.push(listener);
      opened.defer(close);
    }
    const server =
      config.metrics &&
      metrics &&
      (await listen(config, { metrics, readiness, tls, logger, profiles: config.profiles }));
    if (server !== undefined) opened.use(server);
    if (config.logAccess) listeners.push(accessLog(logger));
    if (config.slowCallMs > 0) listeners.push(slowCallLog(logger, config.slowCallMs));
    return new Watching(readiness, metrics, listeners, server, opened.move());
  }

  get meter(): Meter {
    return this.#metrics?.meter ?? silentMeter;
  }

  /** What the pipeline does for those who watch. */
  get ofCalls(): Pick<Room, "clients" | "completed" | "completedFromMs"> {
    return { clients: this.#metrics?.clients, ...telling(this.#listeners) };
  }

  /** The server serves from now on. */
  started(measured: Measured & { readonly space: Vitals["space"] }): void {
    const { databases, audit } = measured.room;
    this.#readiness.started({
      conditions: () => databases.conditions(),
      space: measured.space,
      isAuditStuck: () => audit?.isStuck ?? false,
      diverged: () => this.replicas?.diverged() ?? [],
    });
    this.#metrics?.started(measured);
  }

  stopping(): void {
    this.#readiness.stopping();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

/** A port that nobody asked for by name must not keep the server from its work: without it there are no metrics. */
async function listen(
  { address, metrics: asked }: ServerConfig,
  parts: Omit<MetricsServerOptions, "address" | "port">,
): Promise<MetricsServer | undefined> {
  try {
    return await MetricsServer.listen({ ...parts, address, port: asked?.port ?? 0 });
  } catch (error) {
    if (asked?.isGiven || !(error instanceof StartError)) throw error;
    parts.logger.warn({ next: error.hint }, `${error.message}: there are no metrics`);
    return undefined;
  }
}
