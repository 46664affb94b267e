import type { Answer } from "../output.ts";
import { printWarning } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Logs in and remembers it for this server. */
export async function login(connection: Connection, user: string): Promise<Answer> {
  const client = await connection.client();
  const warning = await connection.login(client, user, connection.options.database);
  if (warning !== "") printWarning(warning, connection.options.output, process.stderr);
  return {
    text: ["Successfully logged in\n"],
    json: { user, database: client.database },
  };
}
