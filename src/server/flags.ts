// Every setting of the server, in one table: it makes the options of the command line, their help, the environment's names
// and docs/configuration.md. A flag that is not `built` is accepted, so that existing start scripts keep working, and
// answered by a warning.

import {
  ACTIVE_DATABASES_MAX,
  DISK_LOW_WATERMARK_BYTES,
  INFLIGHT_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  SESSIONS_MAX,
} from "../base/limits.ts";

/** `duration`: as Go writes them, `90s`, `3m0s`, `24h`, `0`. */
export type FlagType = "boolean" | "integer" | "text" | "duration";

export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly type: FlagType;
  /** As it would be written on the command line. */
  readonly default: string;
  readonly meaning: string;
  readonly built: boolean;
}

const flag = (name: string, type: FlagType, initial: string, meaning: string, short?: string): Flag => ({
  name,
  type,
  default: initial,
  meaning,
  built: true,
  ...(short !== undefined && { short }),
});

const later = (name: string, type: FlagType, initial: string, meaning: string, short?: string): Flag => ({
  ...flag(name, type, initial, meaning, short),
  built: false,
});

/** Sections of settings, in the order of the documentation. */
export const FLAGS: Readonly<Record<string, readonly Flag[]>> = {
  "Network, storage, process": [
    flag("address", "text", "0.0.0.0", "interface to listen on", "a"),
    flag("port", "integer", "3322", "port for gRPC, gRPC-Web, Connect and the web page; 0 takes a free one", "p"),
    flag(
      "transport",
      "text",
      "own",
      "what speaks HTTP/2: own, this server's engine, or node, Node's, which is much slower (of this server, not of the original)",
    ),
    flag("dir", "text", "./data", "data directory, made when missing"),
    flag("max-recv-msg-size", "integer", String(MESSAGE_BYTES_MAX), "biggest message that is received, in bytes"),
    flag(
      "max-inflight-bytes",
      "integer",
      String(INFLIGHT_BYTES_MAX),
      "request bodies in flight at once, in bytes; more are refused (of this server, not of the original)",
    ),
    flag(
      "disk-low-watermark",
      "integer",
      String(DISK_LOW_WATERMARK_BYTES),
      "free bytes of the disk below which writes are refused; 0 for never (of this server, not of the original)",
    ),
    later("synced", "boolean", "true", "when false, commits are acknowledged before they are on disk"),
    flag(
      "max-active-databases",
      "integer",
      String(ACTIVE_DATABASES_MAX),
      "databases open at once; the others are opened by their first call",
    ),
    later("max-key-length", "integer", "0", "longest indexed VARCHAR, in bytes"),
    later("config", "text", "", "configuration file"),
    later("pidfile", "text", "", "file to write the process id to"),
    later("detached", "boolean", "false", "run in the background", "d"),
    later("grpc-reflection", "boolean", "true", "describe the services to clients that ask"),
  ],
  "Authentication, users, sessions": [
    flag("auth", "boolean", "true", "callers must log in; without it only this machine is served", "s"),
    flag(
      "admin-password",
      "text",
      "immudb",
      "password of the system administrator when he is created, plain or enc: and base64",
    ),
    flag("token-expiry-time", "integer", "1440", "lifetime of a login token, in minutes"),
    flag("max-sessions", "integer", String(SESSIONS_MAX), "sessions open at once"),
    flag("max-session-inactivity-time", "duration", "3m0s", "a session unused for so long is inactive"),
    flag("session-timeout", "duration", "2m0s", "an inactive session is closed after so long"),
    flag("max-session-age-time", "duration", "0", "a session is closed at this age; 0 for never"),
    flag("sessions-guard-check-interval", "duration", "1m0s", "how often sessions are looked through"),
    later("force-admin-password", "boolean", "false", "overwrite the system administrator's password at start"),
    later("maintenance", "boolean", "false", "recovery mode"),
    later("devmode", "boolean", "false", "without authentication, serve other machines too"),
  ],
  "TLS and signing": [
    flag("signingKey", "text", "", "P-256 private key in PEM form; states are then signed with it"),
    later("certificate", "text", "", "TLS certificate in PEM form"),
    later("pkey", "text", "", "private key of the certificate"),
    later("clientcas", "text", "", "authorities that client certificates are checked against"),
    later("mtls", "boolean", "false", "check client certificates", "m"),
    later("auto-cert", "boolean", "false", "make and use a self-signed certificate"),
  ],
  Logging: [
    flag("logformat", "text", "text", "text or json, written to standard error"),
    flag("log-access", "boolean", "false", "one line for every call"),
    later("logfile", "text", "", "file to log to"),
    later("logdir", "text", "immulog", "directory of the log file, in the data directory"),
    later("log-rotation-size", "integer", "0", "size at which the log file is changed, in bytes"),
    later("log-rotation-age", "duration", "0", "age at which the log file is changed"),
    later("log-request-metadata", "boolean", "false", "keep user and address in every transaction"),
    later("audit-log", "boolean", "false", "keep a record of calls"),
    later("audit-log-events", "text", "all", "calls to keep a record of"),
  ],
  "Companion servers": [
    later("metrics-server", "boolean", "true", "Prometheus metrics and health"),
    later("metrics-server-port", "integer", "9497", "port of the metrics"),
    later("pprof", "boolean", "false", "profiling on the port of the metrics"),
    later("no-histograms", "boolean", "false", "leave out latency histograms"),
    later("web-server", "boolean", "true", "REST interface"),
    later("web-server-port", "integer", "8080", "port of the REST interface"),
    later("swaggerui", "boolean", "true", "documentation of the REST interface"),
    later("pgsql-server", "boolean", "true", "PostgreSQL protocol"),
    later("pgsql-server-port", "integer", "5432", "port of the PostgreSQL protocol"),
  ],
  "Replication of the built-in databases": [
    later("replication-is-replica", "boolean", "false", "follow a primary"),
    later("replication-sync-enabled", "boolean", "false", "replicate synchronously"),
    later("replication-sync-acks", "integer", "0", "replicas that must confirm"),
    later("replication-primary-host", "text", "", "where the primary is"),
    later("replication-primary-port", "integer", "3322", "its port"),
    later("replication-primary-username", "text", "", "user there"),
    later("replication-primary-password", "text", "", "his password"),
    later("replication-prefetch-tx-buffer-size", "integer", "100", "transactions fetched ahead"),
    later("replication-commit-concurrency", "integer", "10", "transactions applied at once"),
    later("replication-allow-tx-discarding", "boolean", "false", "drop transactions that diverge"),
    later("replication-skip-integrity-check", "boolean", "false", "trust incoming data"),
    later("replication-wait-for-indexing", "boolean", "false", "wait for the index"),
    later("replication-enabled", "boolean", "false", "old name of replication-is-replica"),
    later("replication-follower-username", "text", "", "old name of replication-primary-username"),
    later("replication-follower-password", "text", "", "old name of replication-primary-password"),
    later("replication-master-database", "text", "", "database to follow"),
    later("replication-master-address", "text", "", "old name of replication-primary-host"),
    later("replication-master-port", "integer", "3322", "old name of replication-primary-port"),
  ],
  "S3 storage": [
    later("s3-storage", "boolean", "false", "keep data in an object store"),
    later("s3-endpoint", "text", "", "its address"),
    later("s3-bucket-name", "text", "", "bucket"),
    later("s3-location", "text", "", "region"),
    later("s3-path-prefix", "text", "", "prefix of all objects"),
    later("s3-access-key-id", "text", "", "key id"),
    later("s3-secret-key", "text", "", "secret key"),
    later("s3-role-enabled", "boolean", "false", "use the credentials of a role"),
    later("s3-role", "text", "", "that role"),
    later("s3-instance-metadata-url", "text", "", "where the credentials of the role come from"),
    later("s3-use-fargate-credentials", "text", "false", "take them from the container's environment"),
    later("s3-external-identifier", "boolean", "false", "take the server's identity from the object store"),
    later("s3-server-side-encryption", "text", "", "AES256 or aws:kms"),
    later("s3-sse-kms-key-id", "text", "", "key for aws:kms"),
  ],
};

/** All flags, in the order of the documentation. */
export const ALL_FLAGS: readonly Flag[] = Object.values(FLAGS).flat();

/** The environment variable of a flag: `max-sessions` is IMMUDB_MAX_SESSIONS. */
export function environmentName(name: string): string {
  return `IMMUDB_${name.toUpperCase().replaceAll("-", "_")}`;
}
