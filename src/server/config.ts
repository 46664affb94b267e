// From flags and environment to a configuration that nobody needs to check again.
//
//   command line  >  IMMUDB_… environment  >  default

import { fromBase64, utf8ToString } from "../base/bytes.ts";
import { PASSWORD_LENGTH_MAX } from "../base/limits.ts";
import type { Transport } from "./doors.ts";
import { StartError } from "./errors.ts";
import { ALL_FLAGS, environmentName, type Flag } from "./flags.ts";

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
  readonly authentication: boolean;
  readonly adminPassword: string;
  /** Whether the password was asked for, rather than left to its default. */
  readonly adminPasswordGiven: boolean;
  readonly tokenLifetimeMs: number;
  readonly sessionsMax: number;
  readonly sessionIdleMs: number;
  /** Infinity: no limit. */
  readonly sessionAgeMs: number;
  readonly sweepEveryMs: number;
  /** Path of a PEM file; undefined: states are not signed. */
  readonly signingKey: string | undefined;
  readonly logFormat: "text" | "json";
  readonly logLevel: LogLevel;
  readonly logAccess: boolean;
}

export interface ReadConfig {
  readonly config: ServerConfig;
  /** What the operator should know before the server runs, one sentence each. */
  readonly warnings: readonly string[];
}

const MESSAGE_BYTES_SETTING_MAX = 2 ** 31 - 1;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `given`: flags by name as found on the command line, `true` for one without a value. Throws StartError naming the flag or
 * variable whose value is wrong.
 */
export function readConfig(given: ReadonlyMap<string, string | true>, environment: Environment): ReadConfig {
  const settings = new Settings(given, environment);
  const config: ServerConfig = {
    address: settings.text("address"),
    port: settings.integer("port", 0, 65_535),
    transport: settings.oneOf("transport", ["own", "node"]),
    directory: settings.text("dir"),
    messageBytesMax: settings.integer("max-recv-msg-size", 1, MESSAGE_BYTES_SETTING_MAX),
    inflightBytesMax: inflightBytesMax(settings),
    diskLowWatermarkBytes: settings.integer("disk-low-watermark", 0, Number.MAX_SAFE_INTEGER),
    activeDatabasesMax: settings.integer("max-active-databases", 1, 1_000_000),
    authentication: settings.boolean("auth"),
    adminPassword: settings.password("admin-password"),
    adminPasswordGiven: settings.isGiven("admin-password"),
    tokenLifetimeMs: settings.integer("token-expiry-time", 1, 2 ** 31) * 60_000,
    sessionsMax: settings.integer("max-sessions", 1, 2 ** 31),
    sessionIdleMs: settings.duration("max-session-inactivity-time") + settings.duration("session-timeout"),
    sessionAgeMs: settings.duration("max-session-age-time") || Number.POSITIVE_INFINITY,
    sweepEveryMs: Math.max(settings.duration("sessions-guard-check-interval"), 1000),
    signingKey: settings.text("signingKey") || undefined,
    logFormat: settings.oneOf("logformat", ["text", "json"]),
    logLevel: logLevel(environment["LOG_LEVEL"]),
    logAccess: settings.boolean("log-access"),
  };
  return { config, warnings: settings.warnings() };
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

class Settings {
  readonly #given: ReadonlyMap<string, string | true>;
  readonly #environment: Environment;
  readonly #flags = new Map(ALL_FLAGS.map((flag) => [flag.name, flag]));

  constructor(given: ReadonlyMap<string, string | true>, environment: Environment) {
    this.#given = given;
    this.#environment = environment;
  }

  isGiven(name: string): boolean {
    return this.#given.has(name) || this.#environment[environmentName(name)] !== undefined;
  }

  text(name: string): string {
    const value = this.#raw(name);
    return value === true ? "" : value;
  }

  integer(name: string, min: number, max: number): number {
    const value = parseInteger(this.text(name));
    if (value === undefined || value < min || value > max) throw this.#wrong(name, `a number from ${min} to ${max}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#raw(name);
    const parsed = value === true || parseBoolean(value);
    if (parsed === undefined) throw this.#wrong(name, "true or false");
    return parsed;
  }

  duration(name: string): number {
    const value = parseDurationMs(this.text(name));
    if (value === undefined) throw this.#wrong(name, "a duration such as 90s, 3m0s or 24h");
    return value;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = allowed.find((one) => one === this.text(name));
    if (value === undefined) throw this.#wrong(name, allowed.join(" or "));
    return value;
  }

  /** Plain, or base64 after `enc:`. The value itself is never repeated in an error. */
  password(name: string): string {
    const value = this.text(name);
    let password = value;
    if (value.startsWith("enc:")) {
      try {
        password = utf8ToString(fromBase64(value.slice(4)));
      } catch {
        throw new StartError(`--${name} is not base64 after enc:`, `give it plain, or as enc: and base64`);
      }
    }
    if (password === "" || Buffer.byteLength(password) > PASSWORD_LENGTH_MAX) {
      throw new StartError(`--${name} must have 1 to ${PASSWORD_LENGTH_MAX} bytes`, `set it with --${name}`);
    }
    return password;
  }

  /** Also checks the values of flags that have no effect: a typing mistake is one whether or not it matters today. */
  warnings(): string[] {
    const ignored = ALL_FLAGS.filter((flag) => !flag.built && this.isGiven(flag.name));
    for (const flag of ignored) this.#check(flag);
    if (ignored.length === 0) return [];
    const names = ignored.map((flag) => `--${flag.name}`).join(", ");
    return [`without effect in this version: ${names}`];
  }

  #check(flag: Flag): void {
    if (flag.type === "boolean") this.boolean(flag.name);
    if (flag.type === "integer") this.integer(flag.name, 0, Number.MAX_SAFE_INTEGER);
    if (flag.type === "duration") this.duration(flag.name);
  }

  #raw(name: string): string | true {
    return this.#given.get(name) ?? this.#environment[environmentName(name)] ?? this.#flags.get(name)?.default ?? "";
  }

  #wrong(name: string, wanted: string): StartError {
    const from = this.#given.has(name) ? `--${name}` : environmentName(name);
    return new StartError(`${from} is '${this.text(name)}', which is not ${wanted}`, "see immudb --help");
  }
}

function parseInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  return undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of `1h30m`, `90s`, `0`; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    total += Number(count) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  }
  return Math.round(total);
}

function logLevel(text: string | undefined): LogLevel {
  switch (text?.toLowerCase()) {
    case "debug":
    case "info":
    case "error":
      return text.toLowerCase() as LogLevel;
    case "warn":
    case "warning":
      return "warn";
    default:
      return "info";
  }
}
