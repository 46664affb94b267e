// Verification of files: whatever is done to them, it is found and named, and the process that asks lives on.

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open } from "lmdb";
import { CREDENTIALS_DIRECTORY, CredentialStore } from "../../../src/auth/credential-store.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { diskDirectory } from "../../../src/database/data-directory.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import type { StorePoint, VerifyReport } from "../../../src/database/verification.ts";
import { verifyDirectory } from "../../../src/server/verify-directory.ts";
import { runTask, verifyInChild } from "../../../src/server/verify-process.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";

const PAGE = 8192;
const TXS = 600;
const never = new AbortController().signal;

let root: string;
let pristine: string;
let state: StorePoint;
before(async () => {
  root = mkdtempSync(join(tmpdir(), "verify-directory-"));
  pristine = join(root, "pristine");
  const databases = await DatabaseManager.open({
    directory: diskDirectory(pristine, systemRandom),
    driver: lmdbDriver,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await databases.create("books", {}, { ifNotExists: false, createdBy: "immudb" });
  await databases.create("gone", {}, { ifNotExists: false, createdBy: "immudb" });
  await databases.unload("gone");
  await databases.delete("gone");
  await databases.use("books", async (database) => {
    const value = (i: number): Uint8Array => utf8(i === 77 ? "the value that is damaged" : "v".repeat(i % 400));
    const set = (i: number) =>
      database.set({
        entries: [{ key: utf8(`key ${i % 500}`), value: value(i), metadata: undefined }],
        preconditions: [],
        noWait: false,
      });
    for (let i = 0; i < TXS; i++) void set(i);
    await database.settled();
    const { txId, txHash } = database.state();
    state = { txId, alh: txHash };
  });
  await databases.close();
  await using _credentials = await CredentialStore.open(lmdbDriver, join(pristine, CREDENTIALS_DIRECTORY));
});
after(() => rmSync(root, { recursive: true }));

/** A copy of the directory, changed. */
let copies = 0;
function copied(change: (directory: string) => void = () => undefined): string {
  const directory = join(root, `copy-${copies++}`);
  cpSync(pristine, directory, { recursive: true });
  change(directory);
  return directory;
}

const changedFile =
  (path: string, change: (bytes: Uint8Array) => Uint8Array | undefined) =>
  (directory: string): void => {
    const file = join(directory, path);
    const bytes = Uint8Array.from(readFileSync(file));
    writeFileSync(file, change(bytes) ?? bytes);
  };
const LOG = join("books", "log", "data.mdb");
const INDEX = join("books", "index", "data.mdb");

async function reportsOf(directory: string, database?: string, known: readonly StorePoint[] = []) {
  const reports: VerifyReport[] = [];
  for await (const step of verifyDirectory({ directory, database, known }, never))
    if (step.kind === "report") reports.push(step.report);
  return reports;
}

async function booksIn(directory: string, known: readonly StorePoint[] = []): Promise<VerifyReport> {
  const [report] = await reportsOf(directory, "books", known);
  assert.ok(report);
  return report;
}

const classesOf = (report: VerifyReport): string[] => [...new Set(report.findings.map((found) => found.class))];

/** Where a text is in the file of an environment. */
function placeOf(bytes: Uint8Array, text: string): number {
  const at = Buffer.from(bytes).lastIndexOf(text);
  assert.ok(at > 0);
  return at;
}

/** A leaf in the middle of the log. */
function leafOf(bytes: Uint8Array): number {
  return Math.floor(placeOf(bytes, "the value that is damaged") / PAGE);
}

describe("a data directory", () => {
  test("is verified whole: what the server keeps, and every database that is not deleted", async () => {
    const reports = await reportsOf(copied());
    assert.deepEqual(
      reports.map(({ database, findingCount, notCovered }) => [database, findingCount, notCovered]),
      ["(server)", "systemdb", "defaultdb", "books"].map((name) => [name, 0, []]),
    );
    const books = reports.at(-1) as VerifyReport;
    assert.deepEqual([books.txId, Uint8Array.from(books.alh)], [state.txId, Uint8Array.from(state.alh)]);
    assert.partialDeepStrictEqual(books.covered, {
      transactions: TXS,
      entries: TXS,
      values: TXS,
      latestRows: 500,
      historyRows: TXS - 500,
    });
    assert.ok(books.covered.pages > 40);
  });

  test("is only read", async () => {
    const directory = copied();
    const files = [LOG, INDEX, join("server-catalog", "data.mdb"), join("books", "log", "lock.mdb")];
    const content = () => files.slice(0, 3).map((file) => readFileSync(join(directory, file)).toString("base64"));
    const before = content();
    await reportsOf(directory);
    assert.deepEqual(content(), before);
  });

  test("that a server uses is refused, and one that is none", async () => {
    const directory = copied();
    const home = diskDirectory(directory, systemRandom);
    await home.occupy();
    await assert.rejects(reportsOf(directory), { code: "locked" });
    await home.leave();
    await assert.rejects(reportsOf(join(root, "nothing")), { name: "StartError", message: /is not a data directory/ });
    await assert.rejects(reportsOf(directory, "other"), { hint: "there is systemdb, defaultdb, books" });
  });

  test("must hold the history that is known", async () => {
    const directory = copied();
    assert.deepEqual((await booksIn(directory, [state])).findings, []);
    const other = { txId: state.txId, alh: new Uint8Array(32) };
    assert.deepEqual(classesOf(await booksIn(directory, [other])), ["state"]);
  });

  test("whose database was replaced by an older one is found out by what the catalog remembers", async () => {
    const directory = copied((copy) => {
      for (const part of ["log", "index"])
        cpSync(join(pristine, "defaultdb", part), join(copy, "books", part), { recursive: true, force: true });
    });
    const report = await booksIn(directory);
    assert.deepEqual(report.findings, [
      { class: "state", txId: BigInt(TXS), what: "the log ends with transaction 0 and a later one is known" },
    ]);
  });

  test("without what a server keeps is not whole, and its databases are found all the same", async () => {
    const directory = copied((copy) => {
      rmSync(join(copy, CREDENTIALS_DIRECTORY), { recursive: true });
      rmSync(join(copy, "immudb.identifier"));
      changedFile(join("server-catalog", "data.mdb"), (bytes) => bytes.fill(1))(copy);
    });
    const reports = await reportsOf(directory);
    assert.deepEqual(classesOf(reports[0] as VerifyReport), ["identity", "page", "credentials"]);
    assert.deepEqual(
      reports
        .slice(1)
        .map(({ database }) => database)
        .sort(),
      ["books", "defaultdb", "systemdb"],
    );
  });
});

describe("damage to a file", () => {
  test("one byte of a value is the value's, and no page is wrong", async () => {
    const directory = copied(
      changedFile(LOG, (bytes) => {
        const at = placeOf(bytes, "the value that is damaged");
        bytes[at] = (bytes[at] as number) ^ 1;
        return bytes;
      }),
    );
    const report = await booksIn(directory);
    assert.deepEqual(report.findings, [
      {
        class: "value",
        txId: 78n,
        key: Buffer.from("\0key 77").toString("hex"),
        what: "the value does not hash to what its entry says",
      },
    ]);
    assert.equal(report.covered.transactions, TXS);
  });

  test("one byte of a page's header is the page's, though everything can still be read", async () => {
    const directory = copied(
      changedFile(LOG, (bytes) => {
        const page = leafOf(bytes);
        bytes[page * PAGE + 1] = (bytes[page * PAGE + 1] as number) ^ 1;
        return bytes;
      }),
    );
    const report = await booksIn(directory);
    assert.deepEqual(classesOf(report), ["page"]);
    assert.match(report.findings[0]?.what ?? "", /^log\/data\.mdb: page \d+ carries the number of another page$/);
    assert.equal(report.covered.transactions, TXS);
  });

  test("a page of zeros ends the process that reads it, and is named by who asked", async () => {
    const directory = copied(
      changedFile(LOG, (bytes) => {
        const page = leafOf(bytes);
        return bytes.fill(0, page * PAGE, (page + 1) * PAGE);
      }),
    );
    const report = await booksIn(directory);
    assert.deepEqual(classesOf(report).slice(0, 1), ["page"]);
    assert.ok(
      report.findings.some(({ class: kind }) => kind === "engine"),
      "the engine could not read it",
    );
    assert.match(report.notCovered.join(), /the engine could not read/);
    assert.ok(report.covered.pages > 0);
  });

  test("a file cut in half, of zeros, of garbage, or gone", async () => {
    const ways: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
      ["cut", (bytes) => bytes.subarray(0, bytes.length / 2)],
      ["zeros", (bytes) => new Uint8Array(bytes.length)],
      ["garbage", (bytes) => bytes.map((_, i) => i * 7 + 3)],
      ["five bytes", () => utf8("hello")],
    ];
    for (const [name, change] of ways) {
      const report = await booksIn(copied(changedFile(LOG, change)));
      assert.deepEqual(classesOf(report).slice(0, 1), ["page"], name);
      assert.match(report.notCovered.join(), /log: the engine c/, name);
    }
    const gone = await booksIn(copied((copy) => rmSync(join(copy, "books"), { recursive: true })));
    assert.deepEqual(classesOf(gone), ["log"]);
  });

  test("an index that is torn does not keep the log from being verified; one that is not there is no damage", async () => {
    const torn = await booksIn(copied(changedFile(INDEX, (bytes) => bytes.fill(0, 2 * PAGE))));
    assert.deepEqual(classesOf(torn), ["page", "engine"]);
    assert.equal(torn.covered.transactions, TXS);
    const none = await booksIn(copied((copy) => rmSync(join(copy, "books", "index"), { recursive: true })));
    assert.deepEqual([none.findingCount, none.notCovered], [0, ["the index: there is none, the next start builds it"]]);
    const left = await booksIn(copied((copy) => writeFileSync(join(copy, "books", "open"), "another boot")));
    assert.equal(left.findingCount, 0);
    assert.match(left.notCovered.join(), /the machine went down while it was open/);
  });
});

describe("a verification in a child", () => {
  const job = (directory: string, live: boolean) => ({
    database: "books",
    directory: join(directory, "books"),
    live,
    known: [],
    hadTransactions: 0n,
  });

  test("of a database that is open ends with a report that says what cannot be looked at meanwhile", async () => {
    const steps = [];
    for await (const step of verifyInChild(job(copied(), true), never)) steps.push(step);
    const last = steps.at(-1);
    assert.ok(last?.kind === "report" && last.report.findingCount === 0);
    assert.deepEqual(last.report.notCovered, ["the pages of the files as such: they are walked while no server runs"]);
  });

  test("that dies gives its place among the readers back", async () => {
    const directory = copied(
      changedFile(LOG, (bytes) => {
        const page = leafOf(bytes);
        return bytes.fill(0, page * PAGE, (page + 1) * PAGE);
      }),
    );
    const environment = open({ path: join(directory, "books", "log"), readOnly: true });
    const steps = [];
    for await (const step of verifyInChild(job(directory, true), never)) steps.push(step);
    const last = steps.at(-1);
    assert.ok(last?.kind === "report");
    assert.match(last.report.findings[0]?.what ?? "", /the process that read ended by SIG/);
    assert.doesNotMatch(environment.readerList(), /^\s*\d+ /m);
    await environment.close();
  });

  test("ends when it is not wanted any more", async () => {
    const stopping = new AbortController();
    stopping.abort(new Error("enough"));
    await assert.rejects(async () => {
      for await (const _step of verifyInChild(job(copied(), false), stopping.signal));
    }, /enough/);
    for await (const step of verifyInChild(job(copied(), false), never)) {
      assert.ok(step.kind === "progress" || step.kind === "report");
      break;
    }
  });

  test("that cannot be made is an error, not damage", async () => {
    const missing = join(root, "not there");
    await assert.rejects(async () => {
      for await (const _step of runTask({ kind: "server", directory: missing }, "x", never)) {
        if (_step.kind === "report") throw new Error(_step.report.findings.map((found) => found.class).join());
      }
    }, /identity,catalog,credentials/);
    assert.ok(!existsSync(missing));
  });
});
