// What a person who starts the server is told: where it is, and commands to try that work as they stand.

import { DEFAULT_SUPERADMIN_PASSWORD } from "../auth/users.ts";
import { COMPATIBLE_VERSION } from "../base/compatible-version.ts";
import type { ServerConfig } from "./config.ts";
import type { RunningServer } from "./main.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { OWN_VERSION } from "./version.ts";

const DEFAULT_PORT = "3322";
const MIB = 1024 * 1024;

/** For the log. Holds no secret. */
export function startSummary(server: RunningServer, config: ServerConfig): Readonly<Record<string, unknown>> {
  const { port, metricsPort, url, directory, uuid } = server;
  return { address: config.address, port, metricsPort, url, directory, uuid, ...detailsOf(config) };
}

function detailsOf(config: ServerConfig): Record<string, string> {
  return {
    configuration: config.configFile ?? "no file",
    log: `${config.logFormat}, ${config.logFile?.path ?? "standard error"}`,
    messages: `up to ${bytes(config.messageBytesMax)}`,
    login: loginOf(config),
    commits: "on disk before they are acknowledged",
  };
}

function loginOf({ authentication, anonymous }: ServerConfig): string {
  if (authentication) return "required";
  const who = anonymous.remote ? "ANYBODY is served" : "only this machine is served";
  return `off: ${who}${anonymous.maintenance ? ", and nothing is changed" : ""}`;
}

/** For the terminal. */
export function welcome(server: RunningServer, config: ServerConfig): string {
  const { url, directory, port, metricsPort, uuid } = server;
  const { address, tls } = config;
  const rows = {
    listening: `${address}:${port}   gRPC, gRPC-Web, Connect, web page${secured(tls)}`,
    ...(metricsPort !== undefined && { metrics: `${address}:${metricsPort}   /metrics, /readyz` }),
    data: directory,
    identity: uuid,
    ...detailsOf(config),
    ...(hasDefaultPassword(config) && { administrator: "immudb, with the password immudb unless it was changed" }),
  };
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  const block = Object.entries(rows).map(([name, value]) => `  ${name.padEnd(width)}   ${value}\n`);
  return `immudb for TypeScript ${OWN_VERSION}, compatible with ${COMPATIBLE_VERSION}

${block.join("")}
Try it:
  curl ${curlFlags(tls)}-H 'content-type: application/json' -d '{}' ${url}/immudb.schema.ImmuService/Health
  npm run immuclient -- ${clientFlags(new URL(url), tls)}login immudb
  open ${url}/ in a browser
`;
}

function hasDefaultPassword({ authentication, adminPassword }: ServerConfig): boolean {
  return authentication && adminPassword === DEFAULT_SUPERADMIN_PASSWORD;
}

function bytes(count: number): string {
  return count % MIB === 0 ? `${count / MIB} MiB` : `${count} bytes`;
}

function secured(tls: TlsSettings | undefined): string {
  if (tls === undefined) return "";
  return tls.clientAuthorities === undefined ? "; TLS" : "; TLS, clients show a certificate";
}

/** Names are not guessed: whose certificate it is, only a self-signed one says by itself. */
function curlFlags(tls: TlsSettings | undefined): string {
  if (tls === undefined) return "";
  const trusted = tls.auto ? `--cacert ${tls.certificate} ` : "";
  return tls.clientAuthorities === undefined ? trusted : `${trusted}--cert client-cert.pem --key client-key.pem `;
}

/** What immuclient must be told when the server is not where it looks for one, or speaks TLS. */
function clientFlags({ hostname, port }: URL, tls: TlsSettings | undefined): string {
  const address = hostname === "127.0.0.1" ? "" : `--immudb-address ${hostname} `;
  const where = `${address}${port === DEFAULT_PORT ? "" : `--immudb-port ${port} `}`;
  if (tls === undefined) return where;
  const trusted = tls.auto ? `--clientcas ${tls.certificate} ` : "--tls ";
  if (tls.clientAuthorities === undefined) return where + trusted;
  return `${where}${trusted}--certificate client-cert.pem --pkey client-key.pem `;
}
