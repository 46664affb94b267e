import assert from "node:assert/strict";
import { WireError, type WireErrorCode } from "../../../src/wire/errors.ts";

/** States that the mapping refuses, why, and about which part. */
export function assertRefused(code: WireErrorCode, part: string, run: () => unknown): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof WireError, String(error));
    assert.deepEqual({ code: error.code, part: error.data["part"] }, { code, part });
    return true;
  });
}
