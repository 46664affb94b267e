// Every setting of the server, in one table: it makes the options of the command line, their help, the environment's names
// and docs/configuration.md. The names are those of the original server, so that existing start scripts keep working; what
// the kinds of rows mean is in flag.ts.

import {
  ACTIVE_DATABASES_MAX,
  DISK_LOW_WATERMARK_BYTES,
  INFLIGHT_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  READY_INDEX_LAG_MAX,
  SESSIONS_MAX,
} from "../base/limits.ts";
import { type Flag, flag, idle, later, refused, renamed } from "./flag.ts";

const ON_DISK = "this server keeps its data in the data directory, and copies of it are made by immudb backup";

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
    flag("dir", "path", "./data", "data directory, made when missing"),
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
    flag(
      "synced",
      "boolean",
      "true",
      "commits are on disk before they are acknowledged; false changes nothing of that",
    ),
    flag(
      "max-active-databases",
      "integer",
      String(ACTIVE_DATABASES_MAX),
      "databases open at once; the others are opened by their first call",
    ),
    later("max-key-length", "integer", "0", "longest indexed VARCHAR, in bytes: 64 to 65535, or 0 for 1024"),
    flag(
      "config",
      "path",
      "",
      "configuration file (TOML); without it immudb.toml in the home directory, if there is one",
    ),
    later("pidfile", "path", "", "file to write the process id to"),
    { ...later("detached", "boolean", "false", "run in the background"), short: "d" },
    flag("grpc-reflection", "boolean", "true", "describe the services to clients that ask, grpcurl and the like"),
  ],
  "Authentication, users, sessions": [
    flag("auth", "boolean", "true", "callers must log in; without it only this machine is served", "s"),
    flag(
      "admin-password",
      "secret",
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
    flag("signingKey", "path", "", "P-256 private key in PEM form; states are then signed with it"),
    flag("certificate", "path", "", "TLS certificate in PEM form, followed by those of the authorities above it"),
    flag("pkey", "path", "", "private key of the certificate in PEM form, without a passphrase"),
    flag("clientcas", "path", "", "PEM file of the authorities whose clients --mtls lets in"),
    flag("mtls", "boolean", "false", "serve only clients that show a certificate of --clientcas", "m"),
    flag(
      "auto-cert",
      "boolean",
      "false",
      "use a self-signed certificate, kept in ~/immudb/ssl, made when missing or within 30 days of its end",
    ),
  ],
  Logging: [
    flag("logformat", "text", "text", "text or json, written to standard error"),
    flag("log-access", "boolean", "false", "one line for every call"),
    flag(
      "log-slow-calls",
      "duration",
      "0",
      "one line for every call that takes so long; 0 for none (of this server, not of the original)",
    ),
    later("logfile", "path", "", "file to log to"),
    later("logdir", "path", "immulog", "directory of the log file, in the data directory"),
    later("log-rotation-size", "integer", "0", "size at which the log file is changed, in bytes"),
    later("log-rotation-age", "duration", "0", "age at which the log file is changed"),
    later("log-request-metadata", "boolean", "false", "keep user and address in every transaction"),
    later("audit-log", "boolean", "false", "keep a record of calls"),
    later("audit-log-events", "list", "all", "calls to keep a record of"),
  ],
  "Companion servers": [
    flag("metrics-server", "boolean", "true", "Prometheus metrics and health"),
    flag("metrics-server-port", "integer", "9497", "port of metrics and health; 0 takes a free one"),
    flag(
      "ready-index-lag",
      "integer",
      String(READY_INDEX_LAG_MAX),
      "transactions that an index may be behind before /readyz says no (of this server, not of the original)",
    ),
    later("pprof", "boolean", "false", "profiling on the port of the metrics"),
    flag("no-histograms", "boolean", "false", "leave out latency histograms"),
    later("web-server", "boolean", "true", "REST interface", "false"),
    later("web-server-port", "integer", "8080", "port of the REST interface"),
    later("swaggerui", "boolean", "true", "documentation of the REST interface"),
    later("pgsql-server", "boolean", "true", "PostgreSQL protocol", "false"),
    later("pgsql-server-port", "integer", "5432", "port of the PostgreSQL protocol"),
  ],
  "Replication of the built-in databases": [
    later("replication-is-replica", "boolean", "false", "follow a primary"),
    later("replication-sync-enabled", "boolean", "false", "replicate synchronously"),
    later("replication-sync-acks", "integer", "0", "replicas that must confirm"),
    later("replication-primary-host", "text", "", "where the primary is"),
    later("replication-primary-port", "integer", "3322", "its port"),
    later("replication-primary-username", "text", "", "user there"),
    later("replication-primary-password", "secret", "", "his password"),
    later("replication-prefetch-tx-buffer-size", "integer", "100", "transactions fetched ahead"),
    later("replication-commit-concurrency", "integer", "10", "transactions applied at once"),
    later("replication-allow-tx-discarding", "boolean", "false", "drop transactions that diverge"),
    later("replication-skip-integrity-check", "boolean", "false", "trust incoming data"),
    later("replication-wait-for-indexing", "boolean", "false", "wait for the index"),
    renamed("replication-enabled", "boolean", "false", "replication-is-replica"),
    renamed("replication-follower-username", "text", "", "replication-primary-username"),
    renamed("replication-follower-password", "secret", "", "replication-primary-password"),
    idle("replication-master-database", "text", "", "each built-in database follows the one of its own name"),
    renamed("replication-master-address", "text", "", "replication-primary-host"),
    renamed("replication-master-port", "integer", "3322", "replication-primary-port"),
  ],
  "S3 storage": [
    refused("s3-storage", "boolean", "false", "keep data in an object store", ON_DISK),
    idle("s3-endpoint", "text", "", "its address"),
    idle("s3-bucket-name", "text", "", "bucket"),
    idle("s3-location", "text", "", "region"),
    idle("s3-path-prefix", "text", "", "prefix of all objects"),
    idle("s3-access-key-id", "secret", "", "key id"),
    idle("s3-secret-key", "secret", "", "secret key"),
    idle("s3-role-enabled", "boolean", "false", "use the credentials of a role"),
    idle("s3-role", "text", "", "that role"),
    idle("s3-instance-metadata-url", "text", "", "where the credentials of the role come from"),
    idle("s3-use-fargate-credentials", "text", "false", "take them from the container's environment"),
    refused("s3-external-identifier", "boolean", "false", "take the server's identity from the object store", ON_DISK),
    idle("s3-server-side-encryption", "text", "", "AES256 or aws:kms"),
    idle("s3-sse-kms-key-id", "text", "", "key for aws:kms"),
  ],
};

/** All flags, in the order of the documentation. */
export const ALL_FLAGS: readonly Flag[] = Object.values(FLAGS).flat();
