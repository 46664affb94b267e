import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Command } from "commander";
import fc from "fast-check";
import { complete } from "../../../src/cli/immuclient/shell-completion.ts";
import { readHistory, remember } from "../../../src/cli/line-history.ts";
import { splitWords } from "../../../src/cli/words.ts";

describe("a line", () => {
  for (const [line, words] of [
    ["", []],
    ["  set\tk   v ", ["set", "k", "v"]],
    [`set k 'two words' "a \\"quoted\\" one"`, ["set", "k", "two words", 'a "quoted" one']],
    [`'' "" x''y`, ["", "", "xy"]],
    [`'\\' "\\n" \\n \\'`, ["\\", "\\n", "n", "'"]],
    ["back\\ slash \\\\", ["back slash", "\\"]],
    ["two \\\nlines 'and\nmore'", ["two", "lines", "and\nmore"]],
    ["'open", undefined],
    ['"open \\"', undefined],
    ["more \\", undefined],
  ] as const) {
    test(`is split into words: ${JSON.stringify(line)}`, () => assert.deepEqual(splitWords(line), words));
  }

  test("gives back every word that was put between quotes", () => {
    const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
        assert.deepEqual(splitWords(words.map(quoted).join(" ")), words);
      }),
    );
  });
});

test("lines are remembered in a file of their owner, the latest first, without secrets", async () => {
  const root = await mkdtemp(join(tmpdir(), "history-"));
  try {
    const file = join(root, "folder", "history");
    const history = await readHistory(file);
    for (const line of ["get a", "get b", "get b", " ", "login x --password secret", "get c"]) {
      await remember(file, history, line);
    }
    assert.deepEqual(await readHistory(file), ["get c", "get b", "get a"]);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    history.push(...Array.from({ length: 1010 }, (_, n) => `get ${n}`));
    await remember(file, history, "get d");
    assert.equal((await readFile(file, "utf8")).split("\n").length, 1001);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test("TAB offers commands, options, and keys where a command takes one", async () => {
  const program = new Command().option("--output <format>");
  program.command("get <key>").alias("g").option("--value-file <file>");
  program.command("use <database>");
  const offered = async (line: string): Promise<string[]> =>
    (
      await complete(program, line, async (prefix) =>
        ["k1", "k2", "x", "y's key", "z\n"].filter((key) => key.startsWith(prefix)),
      )
    )[0];
  assert.deepEqual(await offered(""), ["get", "use", "exit", "clear"]);
  assert.deepEqual(await offered("ge"), ["get"]);
  assert.deepEqual(await offered("g k"), ["k1", "k2"]);
  assert.deepEqual(await offered("get "), ["k1", "k2", "x", "y\\'s\\ key"]);
  assert.deepEqual(await offered("get --"), ["--value-file", "--output"]);
  assert.deepEqual(await offered("use k"), []);
  assert.deepEqual(await offered("nothing k"), []);
});
