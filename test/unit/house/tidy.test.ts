// Habits of the house that no linter knows: read from the files that git knows or would know.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { IMPORT_TABLE } from "../../../scripts/import-table.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LINES_MAX = 400;

const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
const files = listed
  .toString()
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(ROOT, file)));
const written = files
  .filter((file) => /^(src|test|web|bench|scripts)\/.*\.(ts|mjs|css|html|sh)$/.test(file))
  .filter((file) => !file.includes("/gen/"));
const texts = files.filter((file) => !/\.(png|ico|bin|binpb|woff2?)$/.test(file));
const source = written.filter((file) => file.startsWith("src/"));

/** Places, as "file:line: text", where the pattern matches. */
function places(where: readonly string[], pattern: RegExp): string[] {
  return where.flatMap((file) =>
    readFileSync(join(ROOT, file), "utf8")
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

test("nothing names a folder of somebody's machine", () => {
  assert.deepEqual(places(texts, /(?<![\w.])\/(?:root|Users|work|tmp)\/|\b[A-Z]:\\\\?Users/), []);
});

test("nothing names a package registry's address", () => {
  assert.deepEqual(places(texts, /\b(?:registry\.npmjs|registry\.yarnpkg|pypi\.org|pythonhosted\.|proxy\.golang)/), []);
});

test("nothing is left for later in a comment", () => {
  assert.deepEqual(places(written, /\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/), []);
});

test("no test runs alone, and none is skipped without a reason", () => {
  const pattern =
    /\b(?:test|describe|it|suite)\.(?:only|skip|todo)\b|\b(?:only|skip|todo): true|\bt\.(?:skip|todo)\(\)/;
  assert.deepEqual(
    places(
      written.filter((file) => !file.endsWith("tidy.test.ts")),
      pattern,
    ),
    [],
  );
});

test("a type is imported in an import, where the lint rules see it", () => {
  assert.deepEqual(places(source, /(?:\btypeof\s+|[:<|&=]\s*)import\(/), []);
});

test(`no source file is longer than ${LINES_MAX} lines`, () => {
  const lengths = written
    .filter((file) => /^(?:src|web)\/.*\.ts$/.test(file))
    .map((file) => ({ file, lines: readFileSync(join(ROOT, file), "utf8").split("\n").length - 1 }));
  assert.deepEqual(
    lengths.filter(({ lines }) => lines > LINES_MAX),
    [],
  );
});

test("a name says what a thing is", () => {
  const vague = /^(?:utils?|helpers?|common|misc|shared|lib)$/;
  assert.deepEqual(
    written.filter((file) => file.split(/[/.]/).some((word) => vague.test(word))),
    [],
  );
});

test("every source file is in a room of the import table", () => {
  assert.deepEqual(
    source.filter((file) => !((file.split("/")[1] as string) in IMPORT_TABLE)),
    [],
  );
});
