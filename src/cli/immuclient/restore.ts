import { UsageError } from "../exit-codes.ts";
import { parseKeyRevision } from "../key-revision.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";
import { written } from "./set.ts";

/** Writes the value of an earlier revision anew, with its attributes, as the latest one. */
export function restore(connection: Connection, argument: string): Promise<Answer> {
  const { key, revision } = parseKeyRevision(argument, connection.options.revisionSeparator);
  if (revision === 0n) {
    throw new UsageError(
      "please specify the key with revision to restore",
      "immuclient history KEY shows its revisions",
    );
  }
  return connection.run(async (client) => {
    const { value, metadata, referencedBy } = await client.get(key, { atRevision: revision });
    if (referencedBy !== undefined) {
      throw new UsageError(`'${key}' was a reference then`, "write it again with immuclient reference");
    }
    const { id } = await client.set(key, value, { metadata });
    return written(client, { tx: id, key, value, metadata });
  });
}
