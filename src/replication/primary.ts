// What a replica needs of its primary, and that over the wire: a session of its own in the primary's database.

import { CLIENT_TIMEOUT_MS, PRIMARY_KEEPALIVE_MS } from "../base/limits.ts";
import { ImmuClient } from "../client/client.ts";
import { createNodeTransport } from "../client/node.ts";
import type { ExportAnswer, ExportOptions, ExportRequest } from "../client/replication.ts";
import type { ReplicationSettings } from "../database/replication-settings.ts";

/** A connection to the primary. */
export interface Primary extends AsyncDisposable {
  /** Rejects with what ImmuClient.exportTx rejects with. */
  export(request: ExportRequest, options: ExportOptions): Promise<ExportAnswer>;
  /** For many of them, asked for ahead. */
  exports(signal: AbortSignal): ExportsAhead;
}

/** As client/exports.ts: answers come in order, and after a transaction that is not there nothing is. */
export interface ExportsAhead {
  ask(request: ExportRequest, admit: ExportOptions["admit"]): Promise<ExportAnswer>;
}

const DEFAULT_PORT = 3322;

/** Where the primary is: `host:port`, or a URL when the connection is to be encrypted. */
export function primaryAddress({ primaryHost, primaryPort }: ReplicationSettings): string {
  const port = primaryPort || DEFAULT_PORT;
  const isBareIpv6 = primaryHost.includes(":") && !primaryHost.includes("://") && !primaryHost.startsWith("[");
  return isBareIpv6 ? `[${primaryHost}]:${port}` : `${primaryHost}:${port}`;
}

/** Logs in at the primary. Rejects with a refusal of the server, or when nothing answers. Aborting ends the connection, too. */
export async function connectPrimary(
  settings: ReplicationSettings,
  database: string,
  signal: AbortSignal,
): Promise<Primary> {
  const address = primaryAddress(settings);
  const transport = createNodeTransport(address);
  const cut = (): void => transport.close();
  signal.addEventListener("abort", cut, { once: true });
  const client = new ImmuClient(transport, {
    address,
    timeoutMs: CLIENT_TIMEOUT_MS,
    keepAliveMs: PRIMARY_KEEPALIVE_MS,
  });
  const close = async (): Promise<void> => {
    // The primary ends a session that it hears nothing of by itself.
    await client.close().catch(() => undefined);
    signal.removeEventListener("abort", cut);
    transport.close();
  };
  try {
    signal.throwIfAborted();
    await client.openSession(settings.primaryUsername, settings.primaryPassword, settings.primaryDatabase || database);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    export: (request, options) => client.exportTx(request, options),
    exports: (signal) => client.exports(signal),
    [Symbol.asyncDispose]: close,
  };
}
