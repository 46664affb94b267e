// What the commands of immuadmin are made of: calls of the server's interface as the user who is logged in.

import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import type { ImmuClient } from "../../client/client.ts";
import { credentialHeaders } from "../../client/credentials.ts";
import type { Connection, ConnectionOptions } from "../immuclient/connection.ts";
import type { Answer } from "../output.ts";

export type AdminConnection = Connection<ConnectionOptions>;

/** Runs a command, in that database if one is named, and prints its answer. */
export type Run = (command: (connection: AdminConnection) => Promise<Answer>, database?: string) => Promise<void>;

export interface Calls {
  readonly rpc: Client<typeof ImmuService>;
  readonly client: ImmuClient;
  /** Who calls, and how long he waits: made anew for every call, since choosing a database changes it. */
  call(): CallOptions;
  /** The same for what takes as long as there is data: however long. */
  patient(): CallOptions;
}

/** Runs `work` as the user who is logged in, after a login when there has to be one. */
export function calling<T>(connection: AdminConnection, work: (calls: Calls) => Promise<T>): Promise<T> {
  const rpc = createClient(ImmuService, connection.transport);
  const timeoutMs = connection.options.timeout * 1000;
  return connection.run((client) => {
    const patient = (): CallOptions => ({ headers: credentialHeaders(client.credentials) });
    return work({ rpc, client, patient, call: () => ({ timeoutMs, ...patient() }) });
  });
}
