import { writeFile } from "node:fs/promises";
import type { Entry } from "../../proof/model.ts";
import { entryAnswer } from "../entry-block.ts";
import { UsageError } from "../exit-codes.ts";
import { parseKeyRevision } from "../key-revision.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

export interface GetOptions {
  /** Where the value goes as well, byte for byte. */
  readonly valueFile?: string;
}

/** Reads a value, unverified. */
export async function get(connection: Connection, argument: string, options: GetOptions): Promise<Answer> {
  const { key, revision } = parseKeyRevision(argument, connection.options.revisionSeparator);
  const entry = await connection.run((client) => client.get(key, { atRevision: revision }));
  await keep(entry, options);
  return entryAnswer(entry);
}

/** Reads a value and verifies that it is what was written. */
export async function safeget(connection: Connection, argument: string, options: GetOptions): Promise<Answer> {
  const { key, revision } = parseKeyRevision(argument, connection.options.revisionSeparator);
  const { entry, proof } = await connection.run((client) => client.verifiedGet(key, { atRevision: revision }));
  await keep(entry, options);
  return entryAnswer(entry, proof);
}

/** Reads the values of those keys that exist, all as of one moment, unverified. */
export async function* getall(connection: Connection, keys: readonly string[]): AsyncGenerator<Answer> {
  for (const entry of await connection.run((client) => client.getAll(keys))) yield entryAnswer(entry);
}

async function keep({ value }: Entry, { valueFile }: GetOptions): Promise<void> {
  if (valueFile === undefined) return;
  try {
    await writeFile(valueFile, value);
  } catch (error) {
    throw new UsageError(`the value cannot be written to a file: ${(error as Error).message}`);
  }
}
