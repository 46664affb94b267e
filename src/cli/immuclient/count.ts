import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** How many keys begin with `prefix`. */
export async function count(connection: Connection, prefix: string): Promise<Answer> {
  const keys = await connection.run((client) => client.count(prefix));
  return { text: [`${keys}\n`], json: { count: String(keys) } };
}
