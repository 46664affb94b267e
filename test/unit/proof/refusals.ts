import assert from "node:assert/strict";
import type { ProofErrorCode } from "../../../src/proof/errors.ts";

/** States that a check refuses, and which check it is. */
export function assertRefused(code: ProofErrorCode, run: () => unknown): void {
  assert.throws(run, { name: "ProofError", code });
}

/** The same for an operation that may ask for more. */
export async function assertRejected(code: ProofErrorCode, operation: Promise<unknown>): Promise<void> {
  await assert.rejects(operation, { name: "ProofError", code });
}
