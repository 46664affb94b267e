import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  COMMANDS_DOC,
  commandsDoc,
  IMMUADMIN_COMMANDS_DOC,
  immuadminCommandsDoc,
} from "../../../scripts/commands-doc.ts";

test("the commands of immuclient are what docs/commands.md says (write it anew with node scripts/commands-doc.ts)", () => {
  assert.equal(readFileSync(COMMANDS_DOC, "utf8"), commandsDoc());
});

test("the commands of immuadmin are what docs/immuadmin-commands.md says", () => {
  assert.equal(readFileSync(IMMUADMIN_COMMANDS_DOC, "utf8"), immuadminCommandsDoc());
});
