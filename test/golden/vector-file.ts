// A vector file: {"about": text, "cases": [...]}. Every case names what the original implementation answers (`ok`); a case with
// `strictOk: false` is accepted by it and must be rejected here, as must one that crashes it. Bytes are lower-case hex, fields
// ending in B64 base64, 64-bit integers decimal strings.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { ProofError } from "../../src/proof/errors.ts";
import { StoreError } from "../../src/store/errors.ts";
import { WireError } from "../../src/wire/errors.ts";

export interface VectorCase {
  readonly name: string;
  readonly op?: string;
  readonly ok: boolean;
  readonly strictOk?: boolean;
  readonly referenceCrashes?: boolean;
}

/** Answers a case of one kind: returns when everything is as the case says, throws otherwise. */
export type Answer = (vector: VectorCase) => void | Promise<void>;

/** The answers of one file by operation; a file whose cases have no `op` uses the name "". */
export type Answers = Readonly<Record<string, Answer>>;

export interface Failure {
  readonly name: string;
  readonly why: string;
}

/** What became of a file's cases. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: readonly Failure[];
  /** The cases that nothing here can answer yet. */
  readonly skipped: readonly VectorCase[];
}

/** What a ledger says to a transaction that it does not take in. */
const REFUSALS: readonly string[] = ["foreign_tx_refused", "foreign_tx_ahead"];

/** A computed value is not the one that the case gives. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

export function expectEqual(got: unknown, want: unknown, what: string): void {
  if (got !== want) throw new Mismatch(`${what}: got ${String(got)}, want ${String(want)}`);
}

/** Runs every case of a file. Without answers for the file, or for the operation of a case, the case is skipped. */
export async function runFile(path: string, answers: Answers | undefined): Promise<FileResult> {
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: readonly VectorCase[] };
  let passed = 0;
  const failed: Failure[] = [];
  const skipped: VectorCase[] = [];
  for (const vector of cases) {
    const answer = answers?.[vector.op ?? ""];
    if (answer === undefined) {
      skipped.push(vector);
      continue;
    }
    const why = await judge(vector, answer);
    if (why === undefined) passed++;
    else failed.push({ name: vector.name, why });
  }
  return { file: basename(path, ".json"), passed, failed, skipped };
}

/** Undefined when the case is answered as it should be, else what went wrong. */
async function judge(vector: VectorCase, answer: Answer): Promise<string | undefined> {
  const want = vector.referenceCrashes !== true && (vector.strictOk ?? vector.ok);
  try {
    await answer(vector);
    return want ? undefined : "was accepted and must be rejected";
  } catch (error) {
    const rejected =
      error instanceof ProofError ||
      error instanceof WireError ||
      error instanceof Mismatch ||
      (error instanceof StoreError && REFUSALS.includes(error.code));
    if (!rejected) return `crashed: ${error instanceof Error ? error.stack : String(error)}`;
    return want ? `was rejected and must be accepted: ${error.message}` : undefined;
  }
}
