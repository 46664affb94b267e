// VerifyDatabase as a client sees it: a stream of steps that ends with a report, for whoever administers the database. What is
// verified, and how, is tested where it is done; here the verification itself is a stand-in.

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { Stage, VerifyService } from "../../gen/immudb/verify/v1/verify_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { VERIFICATIONS_MAX } from "../../src/base/limits.ts";
import type { StorePoint, VerifyLive, VerifyReport } from "../../src/database/verification.ts";
import { Services } from "./support.ts";

const COVERED = {
  pages: 1,
  transactions: 2,
  entries: 3,
  values: 4,
  valueBytes: 5,
  treeNodes: 6,
  latestRows: 7,
  historyRows: 8,
};

const reportOf = (database: string, change: Partial<VerifyReport> = {}): VerifyReport => ({
  database,
  txId: 9n,
  alh: new Uint8Array(32).fill(9),
  covered: COVERED,
  notCovered: ["the rest"],
  findings: [],
  findingCount: 0,
  ...change,
});

const verifying = (change: Partial<VerifyReport> = {}): VerifyLive =>
  async function* (database) {
    yield { kind: "progress", progress: { stage: "log", done: 1, total: 2 } };
    yield { kind: "report", report: reportOf(database, change) };
  };

/** Yields one step and then waits until it is ended. */
const waiting: VerifyLive = async function* (_database, _known, signal) {
  yield { kind: "progress", progress: { stage: "log", done: 0, total: 1 } };
  signal.throwIfAborted();
  await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
};

async function stepsOf(stream: AsyncIterable<{ readonly step: { readonly case?: string | undefined } }>) {
  const steps = [];
  for await (const { step } of stream) steps.push(step);
  return steps;
}

async function codeOf(stream: AsyncIterable<unknown>): Promise<{ code: Code; text: string }> {
  try {
    for await (const _step of stream);
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return { code, text: rawMessage };
  }
  return assert.fail("it was answered");
}

describe("VerifyDatabase", () => {
  let services: Services;
  afterEach(() => services[Symbol.asyncDispose]());

  const open = async (verify?: VerifyLive): Promise<void> => {
    services = await Services.open({
      ...(verify && { verify }),
      sign: () => ({ publicKey: utf8("key"), signature: utf8("signature") }),
    });
  };
  /** Waits until so many calls have been reported. */
  const completed = async (count: number): Promise<void> => {
    while (services.calls.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const clientFor = (user = "immudb", database = "defaultdb"): Client<typeof VerifyService> =>
    services.clientOf(VerifyService, {
      sessionid: services.room.sessions.open({ name: user, sysadmin: false }, database).id,
    });

  test("tells how far it is, and ends with a report about a signed state", async () => {
    await open(verifying());
    const [progress, report] = await stepsOf(clientFor().verifyDatabase({ database: "DefaultDB" }));
    assert.partialDeepStrictEqual(progress, { case: "progress", value: { stage: Stage.LOG, done: 1n, total: 2n } });
    assert.partialDeepStrictEqual(report, {
      case: "report",
      value: {
        state: { db: "defaultdb", txId: 9n, txHash: new Uint8Array(32).fill(9), signature: { publicKey: utf8("key") } },
        covered: { pages: 1n, transactions: 2n, valueBytes: 5n, historyRows: 8n },
        notCovered: ["the rest"],
        findings: [],
        findingCount: 0n,
      },
    });
    assert.equal(services.calls.at(-1)?.failure, undefined);
  });

  test("names what was found, and then signs nothing", async () => {
    const findings = [
      { class: "value" as const, txId: 7n, key: "00ff", what: "it is wrong" },
      { class: "page" as const, what: "it is torn" },
    ];
    await open(verifying({ findings, findingCount: 12 }));
    const [, report] = await stepsOf(clientFor().verifyDatabase({ database: "defaultdb" }));
    assert.partialDeepStrictEqual(report, {
      value: {
        findings: [
          { class: "value", txId: 7n, key: Uint8Array.of(0, 255), what: "it is wrong" },
          { class: "page", txId: 0n, key: new Uint8Array(0), what: "it is torn" },
        ],
        findingCount: 12n,
      },
    });
    assert.equal((report as unknown as { value: { state: { signature?: unknown } } }).value.state.signature, undefined);
  });

  test("looks for the states that the caller knows and for the server's own", async () => {
    let looked: readonly StorePoint[] = [];
    await open(async function* (database, known) {
      looked = known;
      yield { kind: "report", report: reportOf(database) };
    });
    await (await services.session()).set({ KVs: [{ key: utf8("k"), value: utf8("v") }] });
    const txHash = new Uint8Array(32).fill(3);
    await stepsOf(clientFor().verifyDatabase({ database: "defaultdb", knownStates: [{ txId: 3n, txHash }] }));
    const { txId, txHash: own } = await (await services.session()).currentState({});
    assert.deepEqual(looked, [
      { txId: 3n, alh: txHash },
      { txId, alh: own },
    ]);
    const short = await codeOf(clientFor().verifyDatabase({ database: "defaultdb", knownStates: [{ txId: 3n }] }));
    assert.equal(short.code, Code.InvalidArgument);
  });

  test("is for who administers that database", async () => {
    await open(verifying());
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await services.addUser("reader", { books: "read" });
    await services.addUser("owner", { books: "admin" });
    await stepsOf(clientFor("owner", "books").verifyDatabase({ database: "books" }));
    assert.equal(
      (await codeOf(clientFor("reader", "books").verifyDatabase({ database: "books" }))).text,
      "permission denied",
    );
    assert.equal(
      (await codeOf(clientFor("owner", "books").verifyDatabase({ database: "defaultdb" }))).text,
      "permission denied",
    );
    assert.equal(
      (await codeOf(services.clientOf(VerifyService).verifyDatabase({ database: "books" }))).text,
      "not logged in",
    );
    assert.equal((await codeOf(clientFor().verifyDatabase({ database: "nowhere" }))).text, "database does not exist");
  });

  test("works on a database that is not loaded, of which the server knows no state", async () => {
    let looked: readonly StorePoint[] | undefined;
    await open(async function* (database, known) {
      looked = known;
      yield { kind: "report", report: reportOf(database) };
    });
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await admin.unloadDatabase({ database: "books" });
    await stepsOf(clientFor().verifyDatabase({ database: "books" }));
    assert.deepEqual(looked, []);
  });

  test("ends when its caller goes away, and lets go of the database", async () => {
    await open(waiting);
    for (const asksOnceMore of [false, true]) {
      const leaving = new AbortController();
      const { signal } = leaving;
      const steps = clientFor().verifyDatabase({ database: "defaultdb" }, { signal })[Symbol.asyncIterator]();
      await steps.next();
      const more = asksOnceMore ? steps.next() : Promise.resolve();
      leaving.abort();
      await more.catch(() => undefined);
      await completed(asksOnceMore ? 2 : 1);
      assert.equal(services.calls.at(-1)?.failure?.code, Code.Canceled);
    }
  });

  test("is not run more often at once than the limit says", async () => {
    await open(waiting);
    const client = clientFor();
    const begun = async (signal: AbortSignal): Promise<void> => {
      const steps = client.verifyDatabase({ database: "defaultdb" }, { signal })[Symbol.asyncIterator]();
      assert.equal((await steps.next()).done, false);
    };
    const leaving = new AbortController();
    for (let i = 0; i < VERIFICATIONS_MAX; i++) await begun(leaving.signal);
    const refused = await codeOf(client.verifyDatabase({ database: "defaultdb" }));
    assert.deepEqual(refused, {
      code: Code.ResourceExhausted,
      text: `${VERIFICATIONS_MAX} verifications are running already: try again when one has ended`,
    });
    leaving.abort();
    await completed(VERIFICATIONS_MAX + 1);
    const again = new AbortController();
    await begun(again.signal);
    again.abort();
    await completed(VERIFICATIONS_MAX + 2);
  });

  test("that cannot be made is an error that gives nothing away", async () => {
    await open(async function* () {
      yield { kind: "progress", progress: { stage: "pages", done: 0, total: 1 } };
      throw new Error("a secret");
    });
    const { code, text } = await codeOf(clientFor().verifyDatabase({ database: "defaultdb" }));
    assert.equal(code, Code.Internal);
    assert.match(text, /^internal error, see the server's log for trace id /);
  });

  test("is not built where nothing can verify", async () => {
    await open();
    assert.equal((await codeOf(clientFor().verifyDatabase({ database: "defaultdb" }))).code, Code.Unimplemented);
  });
});
