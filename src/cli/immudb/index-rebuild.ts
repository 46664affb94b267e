// immudb index rebuild

import { silentLogger } from "../../base/observe.ts";
import { type RebuiltIndex, rebuildIndexes } from "../../server/rebuild-index.ts";
import type { Answer } from "../output.ts";
import { Progress } from "../progress.ts";
import { answering, directoryOf } from "./answering.ts";
import type { CommandLine } from "./commands.ts";

export function indexRebuild(line: CommandLine): Promise<number> {
  return answering(line, async () => {
    const progress = new Progress(process.stderr);
    try {
      const rebuilt = await rebuildIndexes({
        directory: directoryOf(line),
        database: line.options["database"],
        logger: silentLogger,
        onProgress: (database, indexed, last) =>
          progress.show(`${database}: ${indexed} of ${last} transactions`, indexed, last),
      });
      return answerOf(rebuilt);
    } finally {
      progress.end();
    }
  });
}

function answerOf(rebuilt: readonly RebuiltIndex[]): Answer {
  return {
    text: rebuilt.map(
      ({ database, transactions, durationMs }) =>
        `${database}: index built from ${transactions} transactions in ${(durationMs / 1000).toFixed(1)} s\n`,
    ),
    json: {
      rebuilt: rebuilt.map(({ database, transactions, durationMs }) => ({
        database,
        transactions: String(transactions),
        durationMs: Math.round(durationMs),
      })),
    },
  };
}
