// What a command prints when its answer may have any length: a list of entries is printed while it is read, no faster than it
// is taken. JSON has one line for each answer, so that a list of a million is as easy to read as one of three.

import type { Answer, ClientFormat, Json, Row } from "./output.ts";
import { printAnswer } from "./output.ts";
import type { Drain, Terminal } from "./terminal.ts";

/** One answer, or as many as there are. */
export type Answers = Answer | AsyncIterable<Answer>;

export async function printAnswers(answers: Answers, format: ClientFormat, { stdout }: Terminal): Promise<void> {
  const list = Symbol.asyncIterator in answers ? answers : [answers];
  let count = 0;
  const rows: Row[] = [];
  for await (const answer of list) {
    if (format === "table") rows.push(...(answer.rows ?? rowsOf(answer.json)));
    else {
      if (format === "text" && count > 0) stdout.write("\n");
      printAnswer(answer, format, stdout);
      await drained(stdout);
    }
    count++;
  }
  if (count === 0 && (format === "text" || format === "table")) stdout.write("no entries\n");
  if (rows.length > 0) stdout.write((await import("./boxed-table.ts")).boxedTable(rows));
}

async function drained(stdout: Drain): Promise<void> {
  if (stdout.writableNeedDrain === true) await new Promise<void>((resume) => stdout.once("drain", resume));
}

function rowsOf(json: Json): Row[] {
  return Object.entries(Object(json) as Record<string, Json | undefined>)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value: typeof value === "string" ? value : JSON.stringify(value) }));
}
