import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runFile } from "./vector-file.ts";
import { ANSWERS, forbiddenSkips, VECTORS_DIRECTORY } from "./vectors.ts";

describe("the project's copy of the vectors", () => {
  for (const [file, answers] of Object.entries(ANSWERS)) {
    test(`every case of ${file} is answered as it must be, and every must-reject case is rejected`, async () => {
      const result = await runFile(join(VECTORS_DIRECTORY, `${file}.json`), answers);
      assert.deepEqual(result.failed, []);
      assert.deepEqual(forbiddenSkips(result), []);
      assert.ok(result.passed > 0);
    });
  }
});
