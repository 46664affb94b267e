import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_DATABASE_SETTINGS } from "../../../src/database/settings.ts";

test("docs/databases.md says of every setting what a change of it does", () => {
  const page = readFileSync(new URL("../../../docs/databases.md", import.meta.url), "utf8");
  const missing = Object.keys(DEFAULT_DATABASE_SETTINGS).filter((name) => !page.includes(`\`${name}`));
  assert.deepEqual(missing, []);
});
