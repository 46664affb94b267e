// What immuclient makes of its arguments before it calls anybody.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { serverAddress } from "../../../src/cli/immuclient/connection.ts";
import { parseKeyRevision } from "../../../src/cli/key-revision.ts";
import { type PasswordSources, readPassword } from "../../../src/cli/password.ts";
import { readLogin, writeLogin } from "../../../src/cli/token-file.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-arguments-"));
});
after(() => rm(folder, { recursive: true }));

describe("key@revision", () => {
  for (const [argument, separator, key, revision] of [
    ["k", "@", "k", 0n],
    ["k@0", "@", "k", 0n],
    ["k@12", "@", "k", 12n],
    ["k@-1", "@", "k", -1n],
    ["user@host@3", "@", "user@host", 3n],
    ["k@1", "", "k@1", 0n],
    ["k#2", "#", "k", 2n],
    ["k::2", "::", "k", 2n],
    ["@1", "@", "", 1n],
  ] as const) {
    test(`'${argument}' split at '${separator}' is revision ${revision} of '${key}'`, () => {
      assert.deepEqual(parseKeyRevision(argument, separator), { key, revision });
    });
  }

  for (const argument of ["k@", "k@abc", "k@1.5", "k@+1", "k@1e3", "k@--1", "k@9999999999999999999"]) {
    test(`'${argument}' is refused`, () => {
      assert.throws(() => parseKeyRevision(argument, "@"), { name: "UsageError" });
    });
  }
});

describe("the server's address", () => {
  const at = (immudbAddress: string, immudbPort = 3322): string =>
    serverAddress({ immudbAddress, immudbPort } as Parameters<typeof serverAddress>[0]);

  test("is host and port, IPv6 in brackets, without regard to case", () => {
    assert.equal(at("127.0.0.1"), "127.0.0.1:3322");
    assert.equal(at("DB.Example", 1), "db.example:1");
    assert.equal(at("::1"), "[::1]:3322");
    assert.equal(at("[::1]"), "[::1]:3322");
  });
});

describe("a password", () => {
  const nothing: PasswordSources = { password: undefined, passwordFile: undefined, passwordStdin: false };
  const read = async (sources: Partial<PasswordSources>, stdin = ""): Promise<string> =>
    utf8ToString(await readPassword({ ...nothing, ...sources }, { stdin: async () => utf8(stdin), prompt: undefined }));

  test("loses one line break at its end and nothing else", async () => {
    assert.equal(await read({ passwordStdin: true }, "secret\n"), "secret");
    assert.equal(await read({ passwordStdin: true }, "secret\r\n"), "secret");
    assert.equal(await read({ passwordStdin: true }, " secret \n\n"), " secret \n");
    assert.equal(await read({ passwordStdin: true }, "secret\r"), "secret\r");
    const file = join(folder, "password");
    await writeFile(file, "from a file\n");
    assert.equal(await read({ passwordFile: file }), "from a file");
    assert.equal(await read({ password: "as given\n" }), "as given\n");
  });

  test("is taken from stdin or a file before a variable, and asked for last", async () => {
    assert.equal(await read({ passwordStdin: true, password: "variable" }, "stdin"), "stdin");
    const prompt = async (): Promise<string> => "asked";
    assert.deepEqual(await readPassword(nothing, { stdin: async () => utf8(""), prompt }), utf8("asked"));
  });

  test("written as enc: is decoded, and refused when it cannot be", async () => {
    assert.equal(await read({ password: `enc:${btoa("secret")}` }), "secret");
    await assert.rejects(read({ password: "enc:%%" }), { name: "UsageError" });
  });

  test("from two places, from a file that is not there, or from nowhere is a usage error", async () => {
    await assert.rejects(read({ passwordStdin: true, passwordFile: "x" }), { name: "UsageError" });
    await assert.rejects(read({ passwordFile: join(folder, "missing") }), { name: "UsageError" });
    await assert.rejects(read({}), { name: "UsageError" });
  });
});

describe("a token file", () => {
  const login = { address: "a:1", user: "u", token: "t", database: "d" };

  test("gives back what was stored, to the same server only, and belongs to its owner", async () => {
    const file = join(folder, "deep", "token.json");
    assert.equal(await readLogin(file, "a:1"), undefined);
    await writeLogin(file, login);
    assert.deepEqual(await readLogin(file, "a:1"), login);
    assert.equal(await readLogin(file, "b:1"), undefined);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await chmod(file, 0o644);
    await writeLogin(file, login);
    assert.equal((await stat(file)).mode & 0o777, 0o600, "a file that was opened to others is closed again");
  });

  test("that is something else is named, not overwritten in silence", async () => {
    const file = join(folder, "other");
    for (const text of ["", "v2.public.token", "{}", '{"address":"a:1"}', "null"]) {
      await writeFile(file, text);
      await assert.rejects(readLogin(file, "a:1"), { name: "UsageError", message: new RegExp(file) });
    }
  });
});

test("on a Node that is too old the program ends with one plain sentence", async () => {
  const check = fileURLToPath(new URL("../../../src/cli/node-version.ts", import.meta.url));
  const source = `
    Object.defineProperty(process.versions, "node", { value: "20.1.0" });
    const { requireNode } = await import(${JSON.stringify(check)});
    requireNode("immuclient");
    console.log("went on");`;
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resume) => {
    execFile(process.execPath, ["--input-type=module", "--eval", source], (error, stdout, stderr) =>
      resume({ code: error?.code, stdout, stderr }),
    );
  });
  assert.deepEqual(ended, {
    code: 1,
    stdout: "",
    stderr: "immuclient needs Node.js 24 or newer and this is 20.1.0: install it from https://nodejs.org\n",
  });
});
