// What a person who starts the server is told: where it is, and commands to try that work as they stand.

import { COMPATIBLE_VERSION } from "../services/health.ts";
import type { ServerConfig } from "./config.ts";
import type { RunningServer } from "./main.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { OWN_VERSION } from "./version.ts";

const DEFAULT_PORT = "3322";

export function welcome(server: RunningServer, { address, tls }: ServerConfig): string {
  const { url, directory, port, metricsPort, uuid } = server;
  const metrics = metricsPort === undefined ? "" : `\n  metrics     ${address}:${metricsPort}   /metrics, /readyz`;
  return `immudb for TypeScript ${OWN_VERSION}, compatible with ${COMPATIBLE_VERSION}

  listening   ${address}:${port}   gRPC, gRPC-Web, Connect, web page${secured(tls)}${metrics}
  data        ${directory}
  identity    ${uuid}

Try it:
  curl ${curlFlags(tls)}-H 'content-type: application/json' -d '{}' ${url}/immudb.schema.ImmuService/Health
  npm run immuclient -- ${clientFlags(new URL(url), tls)}login immudb
  open ${url}/ in a browser
`;
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
