// The metrics of a server, from the port that it has for them. It speaks TLS where the server does, with the same certificates.

import { type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { METRICS_TEXT_BYTES_MAX } from "../../../base/limits.ts";
import type { ConnectionOptions } from "../../immuclient/connection.ts";
import { clientTls } from "../../immuclient/tls-options.ts";

/** Throws an Error that says what to do when there are no metrics. */
export async function fetchMetrics(options: ConnectionOptions, port: number): Promise<string> {
  const where = `${options.immudbAddress}:${port}`;
  try {
    return await getText(options, port);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`no metrics from ${where}: ${why}; is that the server's --metrics-server-port?`, { cause: error });
  }
}

async function getText(options: ConnectionOptions, port: number): Promise<string> {
  const tls = clientTls(options);
  const request = (tls === undefined ? overHttp : overHttps)({
    host: options.immudbAddress.replace(/^\[(.*)\]$/, "$1"),
    port,
    path: "/metrics",
    agent: false,
    signal: AbortSignal.timeout(options.timeout * 1000),
    ca: tls?.authorities,
    cert: tls?.certificate,
    key: tls?.privateKey,
    servername: tls?.serverName,
  });
  request.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request.once("response", resolve).once("error", reject),
  );
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > METRICS_TEXT_BYTES_MAX) throw new Error(`more than ${METRICS_TEXT_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  if (response.statusCode !== 200) throw new Error(`the answer is ${response.statusCode}`);
  return Buffer.concat(chunks).toString("utf8");
}
