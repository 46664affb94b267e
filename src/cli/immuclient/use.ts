import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Chooses the database for this and all later commands. */
export async function use(connection: Connection, database: string): Promise<Answer> {
  return connection.run(async (client) => {
    await client.useDatabase(database);
    await connection.remember(client);
    return { text: [`Now using ${client.database}\n`], json: { database: client.database } };
  });
}
