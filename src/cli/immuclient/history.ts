import { ConnectError } from "@connectrpc/connect";
import type { Entry } from "../../proof/model.ts";
import { entryAnswer } from "../entry-block.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";
import { paged } from "./pages.ts";
import type { ScanOptions } from "./scan.ts";

/** All revisions of a key, deletions included, oldest first. */
export async function* history(connection: Connection, key: string, options: ScanOptions): AsyncGenerator<Answer> {
  const { desc = false, offset = 0n } = options;
  const revisions = paged<Entry>(options, ({ limit, before }) =>
    connection
      .run((client) => client.history(key, { desc, limit: Number(limit), offset: offset + before }))
      .catch(noneLeft),
  );
  for await (const entry of revisions) yield entryAnswer(entry);
}

/** The server refuses an offset at the end of the list. */
function noneLeft(error: unknown): readonly Entry[] {
  if (error instanceof ConnectError && error.rawMessage.includes("no more entries")) return [];
  throw error;
}
