import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { CONFIGURATION_DOC, configurationDoc } from "../../../scripts/configuration-doc.ts";
import { ALL_FLAGS } from "../../../src/server/flags.ts";

describe("the table of flags", () => {
  test("is what docs/configuration.md says (write it anew with node scripts/configuration-doc.ts)", () => {
    assert.equal(readFileSync(CONFIGURATION_DOC, "utf8"), configurationDoc());
  });

  test("has no name and no letter twice", () => {
    const names = ALL_FLAGS.map((flag) => flag.name);
    const letters = ALL_FLAGS.flatMap((flag) => flag.short ?? []);
    assert.equal(new Set(names).size, names.length);
    assert.equal(new Set(letters).size, letters.length);
  });
});
