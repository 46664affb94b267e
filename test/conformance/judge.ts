// A case's verdict: every step's answer compared with the recording.

import { compareStep } from "./compare.ts";
import type { Case, Step } from "./corpus.ts";
import { type Credentials, runCase } from "./run-case.ts";
import type { Target } from "./target.ts";

export interface Verdict {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

export interface Failure {
  /** Index of the step, from 0. */
  readonly step: number;
  /** What the step does, for a person. */
  readonly title: string;
  /** The first difference. */
  readonly difference: string;
  readonly got: string;
}

/** Runs a case; one that cannot be set up fails all its steps. */
export async function judgeCase(target: Target, recorded: Case, admin: Credentials, strict = false): Promise<Verdict> {
  let passed = 0;
  const failures: Failure[] = [];
  const fail = (index: number, step: Step | undefined, difference: string, got: string): void => {
    const title = step === undefined ? "set-up" : [step.op, step.method, step.sql].filter(Boolean).join(" ");
    failures.push({ step: index, title, difference, got });
  };
  try {
    await runCase(target, recorded, admin, (index, step, got) => {
      if (got instanceof Error) return fail(index, step, got.message, "");
      const difference = compareStep(step, got, strict);
      if (difference === undefined) passed += 1;
      else fail(index, step, difference, JSON.stringify(got));
    });
  } catch (error) {
    fail(passed + failures.length, undefined, error instanceof Error ? error.message : String(error), "");
  }
  return { passed, failures };
}

/** One line per failure, or the first `max` of them. */
export function describeFailures(recorded: Case, verdict: Verdict, max: number = verdict.failures.length): string {
  const lines = verdict.failures.slice(0, max).map((f) => {
    const got = f.got === "" ? "" : `\n    got ${f.got}`;
    return `${recorded.name} #${f.step} ${f.title}: ${f.difference}${got}`;
  });
  const left = verdict.failures.length - lines.length;
  return [...lines, ...(left > 0 ? [`… and ${left} more`] : [])].join("\n");
}
