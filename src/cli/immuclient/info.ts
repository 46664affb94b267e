import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Shows what the server says about itself; needs no login. */
export async function info(connection: Connection): Promise<Answer> {
  const { version, startedAt, numDatabases, numTransactions, databasesDiskSizeBytes } = await (
    await connection.client()
  ).serverInfo();
  const started = new Date(Number(startedAt) * 1000).toISOString();
  return {
    text: [
      `version:      ${version}\n`,
      `started:      ${started}\n`,
      `databases:    ${numDatabases}\n`,
      `transactions: ${numTransactions}\n`,
      `disk size:    ${databasesDiskSizeBytes}\n`,
    ],
    json: {
      version,
      startedAt: started,
      databases: numDatabases,
      transactions: String(numTransactions),
      diskSizeBytes: String(databasesDiskSizeBytes),
    },
  };
}
