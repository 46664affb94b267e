// The port of metrics and health (9497): HTTP for machines that watch, nothing that anybody must not see.
//
//   /metrics   Prometheus text             /livez   200 as long as the process answers
//   /version   what runs here, JSON        /initz   200 once it has started
//   /readyz    200, or 503 and the reasons, JSON
//   /debug/pprof/profile?seconds=N   with --pprof, to callers on this machine: a processor profile (profile.ts)
//
// It answers from before the databases are opened until everything is closed.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { COMPATIBLE_VERSION } from "../base/compatible-version.ts";
import { METRICS_CONNECTIONS_MAX, PROFILE_SECONDS_MAX } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { StartError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import { processorProfile } from "./profile.ts";
import { PROMETHEUS_TYPE, prometheusText } from "./prometheus.ts";
import type { Readiness } from "./readiness.ts";
import type { Tls } from "./tls.ts";
import { OWN_VERSION } from "./version.ts";

// Imported as a module it would bring all of fetch with it, a fifth of the time that a start takes.
const { createServer } = process.getBuiltinModule("node:http");

const JSON_TYPE = "application/json";
const BASE = "http://metrics";
const REQUEST_MS = 10_000;
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

export interface MetricsServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  /** The same as on the port of the calls; undefined: connections are not encrypted. */
  readonly tls: Tls | undefined;
  /** Whether callers on this machine may take profiles. */
  readonly profiles: boolean;
  readonly logger: Logger;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class MetricsServer implements AsyncDisposable {
  readonly #options: MetricsServerOptions;
  readonly #http: HttpServer;
  /** What takes connections: the same, or TLS in front of it. */
  readonly #listener: Server;
  /** Oldest first. */
  readonly #connections = new Set<Socket>();
  /** However many ask at once, the metrics are gathered once for all of them. */
  #gathering: Promise<string> | undefined;

  private constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#http = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
      void this.#serve(request, response);
    });
    this.#listener = options.tls === undefined ? this.#http : inFrontOf(this.#http, options.tls);
    this.#listener.on("connection", (socket: Socket) => this.#take(socket));
  }

  /** Throws StartError when the address cannot be had. */
  static async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    const server = new MetricsServer(options);
    const { address, port } = options;
    await new Promise<void>((resolve, reject) => {
      server.#listener.once("error", (error) => {
        const hint = "choose another port with --metrics-server-port, or do without: --metrics-server=false";
        reject(new StartError(`cannot listen on ${address}:${port} for metrics: ${error.message}`, hint, error));
      });
      server.#listener.listen(port, address, resolve);
    });
    return server;
  }

  /** The port that was taken. */
  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#connections) socket.destroy();
  }

  /** One more than there may be takes the place of the oldest: whoever holds connections keeps nobody from asking. */
  #take(socket: Socket): void {
    const [oldest] = this.#connections;
    if (oldest !== undefined && this.#connections.size >= METRICS_CONNECTIONS_MAX) {
      this.#connections.delete(oldest);
      oldest.destroy();
    }
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      this.#options.logger.error({ err: error }, "the metrics could not be gathered");
      answer = text(500, "the metrics could not be gathered\n");
    }
    response.writeHead(answer.status, { "content-type": answer.type, "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : answer.body);
  }

  async #answer({ method, url = "/", socket }: IncomingMessage): Promise<Answer> {
    if (method !== "GET" && method !== "HEAD") return text(405, "only GET\n");
    if (!url.startsWith("/") || !URL.canParse(url, BASE)) return text(400, "that is no path\n");
    const { pathname, searchParams } = new URL(url, BASE);
    switch (pathname) {
      case "/metrics":
        return { status: 200, type: PROMETHEUS_TYPE, body: await this.#metrics() };
      case "/livez":
        return text(200, "");
      case "/initz":
        return text(this.#options.readiness.hasStarted ? 200 : 503, "");
      case "/readyz":
        return this.#ready();
      case "/debug/pprof/profile":
        return this.#profile(searchParams.get("seconds") ?? "10", socket.remoteAddress ?? "");
      case "/version":
        return json(200, {
          component: "immudb",
          version: COMPATIBLE_VERSION,
          product: "immudb for TypeScript",
          productVersion: OWN_VERSION,
          buildtime: "",
          static: false,
          fips: false,
        });
      default:
        return text(404, "there are /metrics, /livez, /readyz, /initz and /version\n");
    }
  }

  /** Not over the network: it slows the server down, and tells what runs in it. */
  async #profile(seconds: string, peer: string): Promise<Answer> {
    if (!this.#options.profiles) return text(404, "profiles are taken with --pprof\n");
    if (!LOOPBACK.test(peer)) return text(403, "profiles are taken from the machine of the server\n");
    const wanted = /^\d{1,3}$/.test(seconds) ? Number(seconds) : 0;
    if (wanted < 1 || wanted > PROFILE_SECONDS_MAX)
      return text(400, `seconds is a number from 1 to ${PROFILE_SECONDS_MAX}\n`);
    const profile = await processorProfile(wanted * 1000);
    return profile === undefined
      ? text(409, "a profile is being taken\n")
      : { status: 200, type: JSON_TYPE, body: profile };
  }

  #metrics(): Promise<string> {
    this.#gathering ??= prometheusText(this.#options.metrics.families()).finally(() => {
      this.#gathering = undefined;
    });
    return this.#gathering;
  }

  #ready(): Answer {
    const reasons = this.#options.readiness.obstacles();
    return json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
  }
}

/** A server that hands what it decrypts to another. */
function inFrontOf(http: HttpServer, tls: Tls): Server {
  // It never listens itself, and its timeouts for slow requests begin with this event.
  http.emit("listening");
  return tls
    .createServer({ ALPNProtocols: ["http/1.1"], handshakeTimeout: REQUEST_MS })
    .on("secureConnection", (socket) => http.emit("connection", socket))
    .on("tlsClientError", (_error, socket) => socket.destroy());
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

function json(status: number, value: unknown): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}
