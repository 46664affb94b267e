import type { ZEntry } from "../../proof/model.ts";
import { entryAnswer } from "../entry-block.ts";
import { type Answer, bytesToJson } from "../output.ts";
import type { Connection } from "./connection.ts";
import { type PageOptions, paged } from "./pages.ts";

export interface ZScanOptions extends PageOptions {
  readonly minScore?: number;
  readonly maxScore?: number;
}

/** The members of a sorted set, in the order of their scores. */
export async function* zscan(connection: Connection, set: string, options: ZScanOptions): AsyncGenerator<Answer> {
  const { minScore, maxScore } = options;
  const members = paged<ZEntry>(options, ({ limit, offset, last }) =>
    connection.run((client) => client.zScan(set, { minScore, maxScore, limit, offset, after: last })),
  );
  for await (const member of members) yield memberAnswer(member);
}

/** The block is that of the entry alone, as scripts know it; JSON and table say the score, too. */
function memberAnswer({ set, key, score, atTx, entry }: ZEntry): Answer {
  if (entry === undefined) throw new Error("the server answered a member of the set without its entry");
  const { text, values = [], json, rows = [] } = entryAnswer(entry);
  return {
    text,
    values,
    json: { set: bytesToJson(set), score, key: bytesToJson(key), atTx: String(atTx), entry: json },
    rows: rows.map((row) => ({ score: String(score), ...row })),
  };
}
