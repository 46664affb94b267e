import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Deletes keys, all of them or none. What they held stays in their history. */
export async function deleteKeys(connection: Connection, keys: readonly string[]): Promise<Answer> {
  const { id } = await connection.run((client) => client.delete(...keys));
  return { text: keys.map(() => "key successfully deleted\n"), json: { tx: String(id), deleted: keys } };
}
