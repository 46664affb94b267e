import type { Entry } from "../../proof/model.ts";
import { entryAnswer } from "../entry-block.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";
import { type PageOptions, paged } from "./pages.ts";

export interface ScanOptions extends PageOptions {
  readonly desc?: boolean;
}

/** Entries by key, those whose keys begin with `prefix`. */
export async function* scan(connection: Connection, prefix: string, options: ScanOptions): AsyncGenerator<Answer> {
  const { desc = false } = options;
  const entries = paged<Entry>(options, ({ limit, offset, last }) =>
    connection.run((client) =>
      client.scan({ prefix, desc, limit, offset, ...(last && { seekKey: scannedKey(last) }) }),
    ),
  );
  for await (const entry of entries) yield entryAnswer(entry);
}

/** The key under which the entry was found: a reference is answered with what it leads to. */
function scannedKey({ key, referencedBy }: Entry): Uint8Array {
  return referencedBy?.key ?? key;
}
