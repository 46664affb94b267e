import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { parseArguments } from "../../../src/cli/immudb-arguments.ts";
import { ALL_FLAGS } from "../../../src/server/flags.ts";

function script(shell: string): string {
  const out: string[] = [];
  const parsed = parseArguments(["completion", shell], { out: (text) => out.push(text), err: assert.fail });
  assert.deepEqual(parsed, { kind: "exit", code: 0 });
  return out.join("");
}

/** What bash offers for the last word of a command line. */
function offered(...words: readonly string[]): string[] {
  const ask = `${script("bash")}
    COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _immudb; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask, "bash", "immudb", ...words], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
}

describe("completion of the words of immudb", () => {
  test("bash is offered commands, flags, and what a command takes", () => {
    assert.deepEqual(offered("ver"), ["version", "verify"]);
    assert.deepEqual(offered("--max-session-"), ["--max-session-inactivity-time", "--max-session-age-time"]);
    assert.deepEqual(offered("index", ""), ["rebuild", ...offered("index", "--")]);
    assert.deepEqual(offered("index", "rebuild", "--dat"), ["--database"]);
    assert.deepEqual(offered("--dir", "x", "backup", "--t"), [
      "--to",
      "--transport",
      "--token-expiry-time",
      "--trusted-proxies",
    ]);
    assert.deepEqual(offered("nothing-like-it"), []);
  });

  test("every shell is told every flag and every command", () => {
    for (const shell of ["bash", "fish", "powershell", "zsh"]) {
      const text = script(shell);
      for (const { name } of ALL_FLAGS)
        assert.ok(text.includes(shell === "fish" ? `-l ${name} ` : `--${name}`), `${shell}: ${name}`);
      for (const command of ["verify", "rebuild", "check", "backup"])
        assert.ok(text.includes(command), `${shell}: ${command}`);
    }
  });

  test("a shell that there is not is refused", () => {
    const err: string[] = [];
    const parsed = parseArguments(["completion", "tcsh"], { out: assert.fail, err: (text) => err.push(text) });
    assert.deepEqual(parsed, { kind: "exit", code: 1 });
    assert.match(err.join(""), /bash, fish, powershell, zsh/);
  });
});
