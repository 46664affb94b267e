// From settings (settings.ts says where they come from) to a configuration that nobody needs to check again.

import { resolve } from "node:path";
import type { PasswordRules } from "../auth/password-rules.ts";
import { PASSWORD_LENGTH_MAX } from "../base/limits.ts";
import type { ReplicationSettings } from "../database/replication-settings.ts";
import type { AnonymousRules } from "../services/anonymous.ts";
import type { CallKind } from "../services/call-record.ts";
import { auditKinds } from "./audit-kinds.ts";
import { type BrowserRules, browserRules } from "./browsers.ts";
import { type Environment, readConfigFile, searchPlaces } from "./config-file.ts";
import type { Transport } from "./doors.ts";
import { StartError } from "./errors.ts";
import { environmentName } from "./flag.ts";
import { ALL_FLAGS } from "./flags.ts";
import type { LogFileOptions } from "./log-file.ts";
import { replicationOf } from "./replication-config.ts";
import { type Setting, Settings } from "./settings.ts";
import { type TelemetrySettings, telemetrySettings } from "./telemetry-settings.ts";
import { type TlsFlags, type TlsSettings, tlsSettings } from "./tls-settings.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface ServerConfig {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly transport: Transport;
  readonly directory: string;
  readonly messageBytesMax: number;
  /** Of all request bodies together; at least messageBytesMax. */
  readonly inflightBytesMax: number;
  /** 0: writes are never refused for want of space. */
  readonly diskLowWatermarkBytes: number;
  readonly activeDatabasesMax: number;
  /** Whether the server describes its services. */
  readonly reflection: boolean;
  readonly authentication: boolean;
  readonly adminPassword: string;
  /** Whether the password was asked for, rather than left to its default. */
  readonly adminPasswordGiven: boolean;
  /** Whether not to start where others could log in with the default password. */
  readonly refuseDefaultPassword: boolean;
  /** Whether he gets that password at this start, whatever he has. */
  readonly adminPasswordForced: boolean;
  readonly passwordRules: PasswordRules;
  readonly tokenLifetimeMs: number;
  readonly sessionsMax: number;
  /** Of one user; Infinity: no limit. */
  readonly sessionsPerUserMax: number;
  /** Calls of one user under way; undefined: no limit. */
  readonly callsPerUserMax: number | undefined;
  /** Whether failed logins slow down later ones. */
  readonly loginSlowdown: boolean;
  /** What callers may do when nobody logs in. */
  readonly anonymous: AnonymousRules;
  /** undefined: the connection says where a call comes from. */
  readonly proxies: TrustedProxies | undefined;
  readonly sessionIdleMs: number;
  /** Infinity: no limit. */
  readonly sessionAgeMs: number;
  readonly sweepEveryMs: number;
  /** What web pages may do with the server. */
  readonly browsers: BrowserRules;
  /** undefined: connections are not encrypted. */
  readonly tls: TlsSettings | undefined;
  /** Path of a PEM file; undefined: states are not signed. */
  readonly signingKey: string | undefined;
  /** Of the default database. */
  readonly replication: ReplicationSettings;
  readonly logFormat: "text" | "json";
  readonly logLevel: LogLevel;
  readonly logAccess: boolean;
  readonly stampsWrites: boolean;
  /** Kinds of calls that are recorded; undefined: there is no audit log. */
  readonly auditKinds: ReadonlySet<CallKind> | undefined;
  /** Calls that take so long are logged; 0: none. */
  readonly slowCallMs: number;
  /** undefined: no metrics. `isGiven`: somebody asked for them, rather than leaving them to their default. */
  readonly metrics: { readonly port: number; readonly isGiven: boolean } | undefined;
  readonly histograms: boolean;
  /** Whether callers on this machine may take profiles. */
  readonly profiles: boolean;
  /** undefined: OpenTelemetry is told nothing. */
  readonly telemetry: TelemetrySettings | undefined;
  readonly readyIndexLagMax: number;
  /** Undefined: standard error. */
  readonly logFile: LogFileOptions | undefined;
  /** The process id is written there while the server runs. */
  readonly pidFile: string | undefined;
  /** Whether to go on in the background. */
  readonly detached: boolean;
  /** Absolute path of the configuration file that was read. */
  readonly configFile: string | undefined;
}

export interface ReadConfig {
  readonly config: ServerConfig;
  /** What the operator should know before the server runs, one sentence each. */
  readonly warnings: readonly string[];
  /** Every setting with its value and where that comes from. */
  readonly settings: readonly Setting[];
}

const MESSAGE_BYTES_SETTING_MAX = 2 ** 31 - 1;

/**
 * `given`: flags by name as found on the command line, `true` for one without a value. `program`: path of the program that
 * runs, which decides where a configuration file is looked for. Throws StartError naming what is wrong and where it was said.
 */
export function readConfig(
  given: ReadonlyMap<string, string | true>,
  environment: Environment,
  program: string = process.argv[1] ?? "",
): ReadConfig {
  const named = given.get("config") ?? environment[environmentName("config")] ?? "";
  const file = readConfigFile(String(named), searchPlaces(environment, program), ALL_FLAGS);
  const settings = new Settings({ flags: ALL_FLAGS, given, environment, file });
  const config: ServerConfig = {
    address: settings.text("address"),
    port: settings.integer("port", 0, 65_535),
    transport: settings.oneOf("transport", ["own", "node"]),
    directory: settings.text("dir"),
    messageBytesMax: settings.integer("max-recv-msg-size", 1, MESSAGE_BYTES_SETTING_MAX),
    inflightBytesMax: inflightBytesMax(settings),
    diskLowWatermarkBytes: settings.integer("disk-low-watermark", 0, Number.MAX_SAFE_INTEGER),
    activeDatabasesMax: settings.integer("max-active-databases", 1, 1_000_000),
    reflection: settings.boolean("grpc-reflection"),
    authentication: settings.boolean("auth"),
    adminPassword: settings.password("admin-password"),
    adminPasswordGiven: settings.isGiven("admin-password"),
    refuseDefaultPassword: settings.boolean("refuse-default-password"),
    adminPasswordForced: adminPasswordForced(settings),
    passwordRules: {
      lengthMin: settings.integer("password-min-length", 1, PASSWORD_LENGTH_MAX),
      classes: settings.boolean("password-classes"),
    },
    tokenLifetimeMs: settings.integer("token-expiry-time", 1, 2 ** 31) * 60_000,
    sessionsMax: settings.integer("max-sessions", 1, 2 ** 31),
    sessionsPerUserMax: settings.integer("max-sessions-per-user", 0, 2 ** 31) || Number.POSITIVE_INFINITY,
    callsPerUserMax: settings.integer("max-calls-per-user", 0, 2 ** 31) || undefined,
    loginSlowdown: settings.boolean("login-slowdown"),
    anonymous: anonymousRules(settings),
    proxies: trustedProxies(settings),
    sessionIdleMs: settings.duration("max-session-inactivity-time") + settings.duration("session-timeout"),
    sessionAgeMs: settings.duration("max-session-age-time") || Number.POSITIVE_INFINITY,
    sweepEveryMs: Math.max(settings.duration("sessions-guard-check-interval"), 1000),
    browsers: browserRules({
      origins: settings.list("cors-origins"),
      hosts: settings.list("allowed-hosts"),
      address: settings.text("address"),
      authentication: settings.boolean("auth"),
    }),
    tls: tlsSettings(tlsFlags(settings), (sentence) => settings.warn(sentence)),
    signingKey: settings.optional("signingKey"),
    replication: replicationOf(settings),
    logFormat: settings.oneOf("logformat", ["text", "json"]),
    logLevel: logLevel(environment["LOG_LEVEL"], settings),
    logAccess: settings.boolean("log-access"),
    stampsWrites: settings.boolean("log-request-metadata"),
    auditKinds: auditKinds(settings),
    slowCallMs: settings.duration("log-slow-calls"),
    metrics: metricsServer(settings),
    telemetry: telemetrySettings(environment, (sentence) => settings.warn(sentence)),
    profiles: settings.boolean("pprof"),
    histograms: !settings.boolean("no-histograms"),
    readyIndexLagMax: settings.integer("ready-index-lag", 0, Number.MAX_SAFE_INTEGER),
    logFile: logFileOptions(settings),
    pidFile: settings.optional("pidfile"),
    detached: settings.boolean("detached"),
    configFile: file?.path,
  };
  if (!settings.boolean("synced"))
    settings.warn("--synced=false changes nothing: commits are always on disk before they are acknowledged");
  return { config, warnings: settings.warnings(), settings: settings.all() };
}

function tlsFlags(settings: Settings): TlsFlags {
  return {
    certificate: settings.text("certificate"),
    privateKey: settings.text("pkey"),
    clientAuthorities: settings.text("clientcas"),
    mutual: settings.boolean("mtls"),
    auto: settings.boolean("auto-cert"),
  };
}

function metricsServer(settings: Settings): ServerConfig["metrics"] {
  const port = settings.integer("metrics-server-port", 0, 65_535);
  const isGiven = settings.isGiven("metrics-server-port") || settings.isGiven("metrics-server");
  return settings.boolean("metrics-server") ? { port, isGiven } : undefined;
}

function adminPasswordForced(settings: Settings): boolean {
  const isForced = settings.boolean("force-admin-password");
  if (!isForced || settings.isGiven("admin-password")) return isForced;
  throw new StartError("--force-admin-password is set without --admin-password", "say which password to set");
}

function anonymousRules(settings: Settings): AnonymousRules {
  const rules = { maintenance: settings.boolean("maintenance"), remote: settings.boolean("devmode") };
  if (!rules.maintenance || !settings.boolean("auth")) return rules;
  throw new StartError("--maintenance needs --auth=false", "nobody logs in while the server is in maintenance mode");
}

function trustedProxies(settings: Settings): TrustedProxies | undefined {
  const networks = settings.list("trusted-proxies");
  return networks.length === 0 ? undefined : new TrustedProxies(networks);
}

/** A message that may be received must fit; only who asks for less than that is refused. */
function inflightBytesMax(settings: Settings): number {
  const one = settings.integer("max-recv-msg-size", 1, MESSAGE_BYTES_SETTING_MAX);
  const all = settings.integer("max-inflight-bytes", 1, Number.MAX_SAFE_INTEGER);
  if (all >= one || !settings.isGiven("max-inflight-bytes")) return Math.max(one, all);
  throw new StartError(
    `--max-inflight-bytes is ${all}, less than --max-recv-msg-size (${one})`,
    "a message that may be received must fit: raise the one or lower the other",
  );
}

const DETACHED_LOG_FILE = "immudb.log";
const LOG_AGE_MIN_MS = 60_000;

/** In the background there is no standard error that anybody reads, so that there is always a file. */
function logFileOptions(settings: Settings): LogFileOptions | undefined {
  const bytesMax = settings.integer("log-rotation-size", 0, Number.MAX_SAFE_INTEGER);
  const ageMaxMs = settings.duration("log-rotation-age");
  if (ageMaxMs > 0 && ageMaxMs < LOG_AGE_MIN_MS)
    throw settings.wrong("log-rotation-age", "at least 1m, or 0 for never");
  const name = settings.optional("logfile") ?? (settings.boolean("detached") ? DETACHED_LOG_FILE : undefined);
  if (name === undefined) return undefined;
  return { path: resolve(settings.text("dir"), settings.text("logdir"), name), bytesMax, ageMaxMs };
}

/** LOG_LEVEL has no prefix, and nonsense there does not keep a server from starting, as in the original. */
function logLevel(text: string | undefined, settings: Settings): LogLevel {
  switch (text?.toLowerCase()) {
    case "debug":
    case "error":
      return text.toLowerCase() as LogLevel;
    case "warn":
    case "warning":
      return "warn";
    case undefined:
    case "":
    case "info":
      return "info";
    default:
      settings.warn(`LOG_LEVEL is '${text}', which is not debug, info, warn or error: info is taken`);
      return "info";
  }
}
