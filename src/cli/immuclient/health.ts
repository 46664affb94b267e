import type { DatabaseHealth, ImmuClient } from "../../client/client.ts";
import { refusalOf } from "../../client/refusals.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Shows whether the server works, and how busy the chosen database is when there is a login and the server can tell. */
export async function health(connection: Connection): Promise<Answer> {
  const client = await connection.client();
  const { status, version } = await client.health();
  if (!status) throw new Error(`the server at ${connection.address} says that it is not healthy`);
  const database = await databaseHealth(client);
  const lastMs = database?.lastRequestCompletedAtMs ?? 0n;
  const lastRequest = lastMs === 0n ? "never" : new Date(Number(lastMs)).toISOString();
  return {
    text: [
      `status:                 OK\n`,
      `version:                ${version}\n`,
      ...(database
        ? [`pendingRequests:        ${database.pendingRequests}\n`, `lastRequestCompletedAt: ${lastRequest}\n`]
        : []),
    ],
    json: {
      status,
      version,
      ...(database && { pendingRequests: database.pendingRequests, lastRequestCompletedAt: lastRequest }),
    },
  };
}

async function databaseHealth(client: ImmuClient): Promise<DatabaseHealth | undefined> {
  try {
    return await client.databaseHealth();
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    return undefined;
  }
}
