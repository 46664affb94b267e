import { entryAnswer } from "../entry-block.ts";
import { parseKeyRevision } from "../key-revision.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Reads a value, unverified. */
export async function get(connection: Connection, argument: string): Promise<Answer> {
  const { revisionSeparator, valueOnly } = connection.options;
  const { key, revision } = parseKeyRevision(argument, revisionSeparator);
  const entry = await connection.run((client) => client.get(key, { atRevision: revision }));
  return entryAnswer(entry, undefined, valueOnly);
}

/** Reads a value and verifies that it is what was written. */
export async function safeget(connection: Connection, argument: string): Promise<Answer> {
  const { revisionSeparator, valueOnly } = connection.options;
  const { key, revision } = parseKeyRevision(argument, revisionSeparator);
  const { entry, proof } = await connection.run((client) => client.verifiedGet(key, { atRevision: revision }));
  return entryAnswer(entry, proof, valueOnly);
}
