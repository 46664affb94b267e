// Every command of immuclient against one real server, as transcripts: what is typed, and what a script then reads.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, beforeEach, describe, test } from "node:test";
import { run } from "../../src/cli/immuclient/program.ts";
import { createDatabase } from "../support/create-database.ts";
import { type Ended, runHere } from "../support/immuclient.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let root: string;
let server: TestServer;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "immuclient-commands-"));
  server = await startTestServer();
  Object.assign(process.env, { XDG_STATE_HOME: root, IMMUCLIENT_IMMUDB_PORT: String(server.port) });
  assert.equal((await type("login immudb --password-stdin", server.password)).exit, 0);
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** Every test begins with an empty database of its own. */
let fresh = 0;
beforeEach(async () => {
  const name = `db${fresh++}`;
  await createDatabase(server, name);
  await says(`use ${name}`, `Now using ${name}\n`);
});

/** What follows the program's name; words are parted by one space. */
function type(line: string, input?: string | Uint8Array): Promise<Ended> {
  return runHere(line.split(" "), input);
}

async function says(line: string, stdout: string | RegExp, input?: string | Uint8Array): Promise<string> {
  const ended = await type(line, input);
  assert.deepEqual({ line, exit: ended.exit, stderr: ended.stderr }, { line, exit: 0, stderr: "" });
  if (typeof stdout === "string") assert.equal(ended.stdout, stdout);
  else assert.match(ended.stdout, stdout);
  return ended.stdout;
}

async function fails(line: string, exit: number, stderr: RegExp): Promise<void> {
  const ended = await type(line);
  assert.deepEqual({ line, exit: ended.exit, stdout: ended.stdout }, { line, exit, stdout: "" }, ended.stderr);
  assert.match(ended.stderr, stderr);
}

const json = async (line: string): Promise<unknown[]> =>
  (await says(`--output json ${line}`, /^/))
    .split("\n")
    .filter(Boolean)
    .map((one) => JSON.parse(one));

describe("entries", () => {
  test("are read together, deleted, and stay in the history", async () => {
    await says("set a 1", "tx:       1\nrev:      1\nkey:      a\nvalue:    1\n");
    await says("set b 2", /^tx: {7}2$/m);
    await says(
      "getall b nobody a",
      "tx:       2\nrev:      1\nkey:      b\nvalue:    2\n\ntx:       1\nrev:      1\nkey:      a\nvalue:    1\n",
    );
    await says("getall nobody", "no entries\n");
    await says("--value-only ga a b", "1\n2\n");
    await says("delete a", "key successfully deleted\n");
    await fails("get a", 3, /^error: tbtree: key not found\n$/);
    await fails("del a", 3, /key not found/);
    await says(
      "history a",
      "tx:       1\nrev:      1\nkey:      a\nvalue:    1\n\n" +
        "tx:       3\nrev:      2\nkey:      a\nmetadata: {deleted:true}\nvalue:    \n",
    );
    assert.deepEqual(await json("delete b"), [{ tx: "4", deleted: ["b"] }]);
  });

  test("of an earlier revision become the latest again", async () => {
    await type("set k first");
    await type("set k second");
    await says("restore k@1", "tx:       3\nrev:      3\nkey:      k\nvalue:    first\n");
    await says("restore k@-1", "tx:       4\nrev:      4\nkey:      k\nvalue:    second\n");
    await fails("restore k", 2, /please specify the key with revision to restore/);
    await fails("restore k@9", 3, /invalid key revision number/);
  });

  test("take any bytes from a file or stdin, and give them back to a file", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const [from, to] = [join(root, "value"), join(root, "value.back")];
    await writeFile(from, bytes);
    for (const [line, input] of [
      [`set k --value-file ${from}`, ""],
      [`safeset k --value-file ${from}`, ""],
      ["set k", bytes],
      ["safeset k --value-file -", bytes],
    ] as const) {
      await says(line, /^key: {6}k$/m, input);
      await says(`safeget k --value-file ${to}`, /^verified: true$/m);
      assert.deepEqual(new Uint8Array(await readFile(to)), bytes, line);
      await rm(to);
    }
    await fails(`set k v --value-file ${from}`, 2, /a value was given, and a file of one as well/);
    await fails("set k --value-file /nowhere", 2, /the file of the value cannot be read/);
    await fails("get k --value-file /nowhere/at/all", 2, /the value cannot be written to a file/);
  });
});

describe("lists", () => {
  beforeEach(async () => {
    for (const key of ["k1", "k2", "k3", "other"]) await type(`set ${key} of-${key}`);
  });

  test("of keys can be narrowed, turned round and counted", async () => {
    await says("scan k1", "tx:       1\nrev:      1\nkey:      k1\nvalue:    of-k1\n");
    await says("--output value scan k", "of-k1\nof-k2\nof-k3\n");
    await says("--output value scn", "of-k1\nof-k2\nof-k3\nof-other\n");
    await says("--output value scan k --desc --limit 1 --offset 1", "of-k2\n");
    await says("--output value scan k --limit 0", "");
    await says("scan nobody", "no entries\n");
    await says("--output json scan nobody", "");
    await says("count k", "3\n");
    await says("cnt", "4\n");
    await fails("scan k --limit some", 2, /a whole number, 0 or more/);
  });

  test("go on where a page ended, at a reference too", async () => {
    await type("reference k11 k2");
    const pages = (await json("scan k")) as { key: { text: string } }[];
    assert.deepEqual(
      pages.map(({ key }) => key.text),
      ["k1", "k2", "k2", "k3"],
    );
  });

  test("of revisions can be turned round, too", async () => {
    for (const value of ["b", "c"]) await type(`set k1 ${value}`);
    await says("--output value history k1", "of-k1\nb\nc\n");
    await says("--output value h k1 --desc --limit 2", "c\nb\n");
    await says("--output value history k1 --offset 1", "b\nc\n");
    await says("history k1 --offset 9", "no entries\n");
    await fails("history nobody", 3, /key not found/);
  });

  test("of a sorted set follow the scores", async () => {
    for (const [score, key] of [
      ["3", "k1"],
      ["1.5", "k2"],
      ["-2", "k3"],
    ])
      await type(`zadd set ${score} ${key}`);
    await says("--output value zscan set", "of-k2\nof-k1\nof-k3\n");
    await says("zscn set --limit 1", "tx:       2\nrev:      1\nkey:      k2\nvalue:    of-k2\n");
    await says("--output value zscan set --min-score 2", "of-k1\n");
    await says("--output value zscan set --max-score 2 --offset 1", "of-k3\n");
    assert.deepEqual(
      ((await json("zscan set")) as { score: number }[]).map(({ score }) => score),
      [1.5, 3, -2],
    );
    await says("zscan nobody", "no entries\n");
  });

  test("are tables for people, whatever is in them", async () => {
    await type("set k2", "line 1\nline 2\u001b[2J");
    await says(
      "--output table scan k --limit 2",
      `┌────┬─────┬─────┬──────────┬─────────────────────────┬──────────┐
│ tx │ rev │ key │ metadata │ value                   │ verified │
├────┼─────┼─────┼──────────┼─────────────────────────┼──────────┤
│ 1  │ 1   │ k1  │          │ of-k1                   │ false    │
│ 5  │ 2   │ k2  │          │ line 1\\x0aline 2\\x1b[2J │ false    │
└────┴─────┴─────┴──────────┴─────────────────────────┴──────────┘
`,
    );
    await says("--output table scan nobody", "no entries\n");
    await says("--output table count", /│ count │ 4 +│/);
  });
});

describe("references and members", () => {
  beforeEach(() => says("set k v1", /^tx: {7}1$/m));

  test("stand for the latest value, or for that of one transaction, with proof and without", async () => {
    await says("reference latest k", "tx:       2\nrev:      1\nkey:      latest\nvalue:    k\n");
    await says(
      "safereference first k --at-tx 1",
      "tx:       3\nrev:      1\nkey:      first\nvalue:    k\nverified: true\n",
    );
    await type("set k v2");
    await says("safeget latest", "tx:       4\nrev:      2\nkey:      k\nvalue:    v2\nverified: true\n");
    await says("--value-only get first", "v1\n");
    await fails("reference other nobody", 3, /key not found/);
    await fails("sr other k --at-tx 0", 2, /a transaction's number is 1 or more/);
  });

  test("are added to sorted sets, with proof and without", async () => {
    await says(
      "zadd set 1.5 k",
      /^tx:\t\t2\nset:\t\tset\nreferenced key:\tk\nscore:\t\t1\.500000\nhash:\t\t[0-9a-f]{64}\nverified:\tfalse\n$/,
    );
    await says("safezadd set -1 k --at-tx 1", /^score:\t\t-1\.000000\nhash:\t\t[0-9a-f]{64}\nverified:\ttrue\n$/m);
    const [added] = (await json("sza set 0 k")) as { tx: string; score: number; proof: { checks: string[] } }[];
    assert.equal(added?.tx, "4");
    assert.equal(added?.score, 0);
    assert.ok(added?.proof.checks.includes("entries_root"));
    await fails("zadd set high k", 2, /a score is a number/);
    await fails("zadd set 1 nobody", 3, /key not found/);
  });
});

describe("transactions and states", () => {
  beforeEach(async () => {
    await type("set k v");
    await type("zadd set 2.5 k");
  });

  test("are shown, with proof and without", async () => {
    const block = (id: number, verified: boolean): RegExp =>
      new RegExp(
        `^tx:\t\t${id}\ntime:\t\t20[0-9T:.-]+Z\nentries:\t1\nhash:\t\t[0-9a-f]{64}\nverified:\t${verified}\n$`,
      );
    await says("tx 1", block(1, false));
    await says("safetx 2", block(2, true));
    await says("stx 1", block(1, true));
    const [first, second] = [...(await json("tx 1")), ...(await json("safetx 2"))] as Record<string, unknown>[];
    assert.partialDeepStrictEqual(first?.["entries"], [{ kind: "key", key: { text: "k" }, storedLength: 2 }]);
    assert.partialDeepStrictEqual(second, {
      entries: [{ kind: "member", set: { text: "set" }, score: 2.5, key: { text: "k" }, atTx: "0" }],
      verified: true,
    });
    await says("--output table tx 1", /│ key +│ k +│ +│ [0-9a-f]{64} │ 2 +│/);
    await fails("tx 3", 3, /tx not found/);
    await fails("tx 0", 2, /a transaction's number is 1 or more/);
  });

  test("current and status are the same, and what they say can be checked later", async () => {
    const state = await says("current", /^database: +db\d+\ntxID: +2\n/);
    await says("status", state);
    await says("p", state);
    const hash = /^hash: +(\S+)$/m.exec(state)?.[1] as string;
    await type("set k later");
    await says(`check-consistency 2 ${hash}`, /^hash:\t\t[0-9a-f]{64}\nverified:\ttrue$/m);
    await fails(`c 1 ${hash}`, 5, /the transaction has another hash than the one given \(check source_alh/);
    await fails("check-consistency 2 beef", 2, /is not a state/);
  });
});

describe("the rest", () => {
  test("health and info tell about the server, version about the program", async () => {
    await says("health", /^status: +OK\nversion: +1\.11\.1\npendingRequests: +\d+\nlastRequestCompletedAt: (20|never)/);
    await says("info", /^version: +1\.11\.1\nstarted: +20.*\ndatabases: +\d+\ntransactions: \d+\ndisk size: +\d+\n$/);
    await says("version", /^immuclient for TypeScript \d+\.\d+\.\d+\n/);
    for (const shell of ["bash", "fish", "powershell", "zsh"]) await says(`completion ${shell}`, /safezadd/);
  });

  test("what is not built says so", async () => {
    for (const line of ["exec drop", "query select", "q select", "tables", "describe t", "table t"]) {
      await fails(line, 1, /^error: \S+ is not built yet: this version has no SQL\n$/);
    }
  });
});

describe("the shell", () => {
  test("runs the lines of a script, which may be quoted and go on, and ends as its last failure did", async () => {
    const script = `set greeting 'hello,
world'
--value-only get greeting

gettx 1 --output json
exit
get never`;
    const { exit, stdout, stderr } = await type("it", script);
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: "" });
    assert.match(stdout, /^tx: {7}1\nrev: {6}1\nkey: {6}greeting\nvalue: {4}hello,\nworld\nhello,\nworld\n\{"tx":"1"/);
    const failed = await type(
      "--output value it",
      "set k v\nget nobody\ngett k\nset k\nset k\nget k\nit\nget nobody\nget k",
    );
    assert.equal(failed.exit, 3);
    assert.match(failed.stdout, /\nv\nv\n$/);
    assert.match(failed.stderr, /stdin holds commands, nothing else\n next: give it as an argument or by a file/);
    assert.match(failed.stderr, /unknown command 'gett'\n\(Did you mean one of get, gettx/);
    assert.match(failed.stderr, /this is the shell already/);
  });

  test("is an editor for a person: TAB, the lines of the last time, Ctrl-C and Ctrl-D", async () => {
    await type("set balance:42 100");
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
    const stdout = Object.assign(new PassThrough(), { columns: 80, rows: 24 });
    let printed = "";
    stdout.on("data", (chunk) => {
      printed += chunk;
    });
    const shown = async (text: string | RegExp): Promise<void> => {
      for (;;) {
        const found = typeof text === "string" ? printed.indexOf(text) : printed.search(text);
        if (found >= 0) {
          printed = printed.slice(found + 1);
          return;
        }
        await once(stdout, "data");
      }
    };
    const ended = run([], { stdin, stdout, stderr: stdout });
    await shown("immuclient> ");
    stdin.write("--value-only safeg\t");
    await shown("safeg");
    stdin.write("\u0003");
    await shown("immuclient> ");
    stdin.write("get bal\t");
    await shown("balance:42");
    stdin.write("\r");
    await shown(/value: {4}100\n/);
    await shown("immuclient> ");
    stdin.write("\u001b[A\r");
    await shown(/value: {4}100\n/);
    await shown("immuclient> ");
    stdin.write("get 'nob\r");
    await shown("> ");
    stdin.write("ody'\r");
    await shown("error: tbtree: key not found");
    await shown("immuclient> ");
    stdin.write("\u0004");
    assert.equal(await ended, 0);
  });
});
