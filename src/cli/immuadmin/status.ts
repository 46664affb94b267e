import { bytesText, secondsText } from "../amounts.ts";
import type { Answer } from "../output.ts";
import type { AdminConnection } from "./calls.ts";

/** Shows whether the server answers, and how much it holds. Needs no login. */
export async function status(connection: AdminConnection): Promise<Answer> {
  const info = await (await connection.client()).serverInfo();
  const startedAt = new Date(Number(info.startedAt) * 1000);
  const upSeconds = Math.max(0, Math.floor((Date.now() - startedAt.getTime()) / 1000));
  return {
    text: [
      `Status:        OK - server is reachable and responding to queries\n`,
      `Version:       ${info.version}\n`,
      `Up time:       ${minuteText(startedAt)} (up ${secondsText(upSeconds)})\n`,
      `Databases:     ${info.numDatabases} (${bytesText(Number(info.databasesDiskSizeBytes))})\n`,
      `Transactions:  ${info.numTransactions}\n`,
    ],
    json: {
      status: "OK",
      version: info.version,
      startedAt: startedAt.toISOString(),
      upSeconds,
      databases: info.numDatabases,
      diskSizeBytes: String(info.databasesDiskSizeBytes),
      transactions: String(info.numTransactions),
    },
  };
}

/** `23 Nov 26 15:18 UTC`. */
function minuteText(date: Date): string {
  const [, day, month, year = "", time = ""] = date.toUTCString().split(" ");
  return `${day} ${month} ${year.slice(2)} ${time.slice(0, 5)} UTC`;
}
