// immudb verify: everything in a data directory that no server uses.

import { type VerifyReport, verifyDirectory } from "../../server/verify-directory.ts";
import { EXIT, UsageError } from "../exit-codes.ts";
import { parseKnownState } from "../known-state.ts";
import type { Answer } from "../output.ts";
import { Progress } from "../progress.ts";
import { progressLabel, reportJson, reportText } from "../verify-report.ts";
import { answering, directoryOf } from "./answering.ts";
import type { CommandLine } from "./commands.ts";

const NEXT = {
  locked: "verify its databases while it runs, with immuadmin verify DATABASE; or stop it first",
};

export function verify(line: CommandLine): Promise<number> {
  return answering(line, () => verified(line), NEXT);
}

interface Verified {
  readonly report: VerifyReport;
  readonly durationMs: number;
}

async function verified(line: CommandLine): Promise<Answer> {
  const { database, "known-state": state } = line.options;
  if (state !== undefined && database === undefined) throw new UsageError("--known-state needs --database");
  const options = {
    directory: directoryOf(line),
    database: database?.toLowerCase(),
    known: state === undefined ? [] : [parseKnownState(state)],
  };
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new Error("the verification was interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const progress = new Progress(process.stderr);
  const all: Verified[] = [];
  try {
    let startedMs = performance.now();
    for await (const step of verifyDirectory(options, stopping.signal)) {
      if (step.kind === "report") {
        all.push({ report: step.report, durationMs: performance.now() - startedMs });
        startedMs = performance.now();
      } else {
        const { stage, done, total } = step.progress;
        progress.show(progressLabel(step.database, stage, done, total), done, total);
      }
    }
  } finally {
    progress.end();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
  return answerOf(all);
}

function answerOf(all: readonly Verified[]): Answer {
  const whole = all.every(({ report }) => report.findingCount === 0);
  return {
    text: all.map(({ report, durationMs }) => reportText(report, durationMs)),
    json: { whole, databases: all.map(({ report, durationMs }) => reportJson(report, durationMs)) },
    exit: whole ? EXIT.ok : EXIT.verification,
  };
}
