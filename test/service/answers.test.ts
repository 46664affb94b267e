import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import { parsePublicKey, verifyStateSignature } from "../../src/proof/signed-state.ts";
import { alh } from "../../src/proof/tx-header.ts";
import { loadStateSigner } from "../../src/server/state-signer.ts";
import { stateFromWire } from "../../src/wire/state.ts";
import { verifiableTxFromWire } from "../../src/wire/verifiable.ts";
import { refusalOf, Services } from "./support.ts";

const kv = (key: string, value: string) => ({ key: utf8(key), value: utf8(value) });

describe("answers", () => {
  test("keys and values come back as every reading method gives them", async () => {
    await using services = await Services.open();
    const admin = await services.session();
    const header = await admin.set({ KVs: [kv("a", "1"), kv("ab", "2")] });
    assert.equal(header.id, 1n);
    assert.ok(header.metadata, "present though empty, as clients have always seen it");
    await admin.set({ KVs: [kv("a", "3")] });
    const entry = await admin.get({ key: utf8("a") });
    assert.deepEqual([utf8ToString(entry.value), entry.tx, entry.revision], ["3", 2n, 2n]);
    const texts = ({ entries }: { entries: { value: Uint8Array }[] }) => entries.map((e) => utf8ToString(e.value));
    assert.deepEqual(texts(await admin.getAll({ keys: [utf8("ab"), utf8("zz"), utf8("a")] })), ["2", "3"]);
    assert.deepEqual(texts(await admin.scan({ prefix: utf8("a"), desc: true })), ["2", "3"]);
    assert.deepEqual(texts(await admin.history({ key: utf8("a") })), ["1", "3"]);
    assert.equal((await admin.count({ prefix: utf8("ab") })).count, 1n);
    assert.equal((await admin.countAll({})).count, 2n);
    await admin.delete({ keys: [utf8("ab")] });
    assert.equal((await refusalOf(admin.get({ key: utf8("ab") }))).text, "tbtree: key not found");
    assert.equal((await admin.txById({ tx: 3n })).entries.length, 1);
    assert.deepEqual(
      (await admin.txScan({ initialTx: 3n, desc: true, limit: 2 })).txs.map((tx) => tx.header?.id),
      [3n, 2n],
    );
  });

  test("a state or a proof asked for beyond the end is refused, each in its own words", async () => {
    await using services = await Services.open();
    const admin = await services.session();
    await admin.set({ KVs: [kv("a", "1")] });
    const illegalState = { code: Code.InvalidArgument, text: "illegal state" };
    const setRequest = { KVs: [kv("b", "1")] };
    assert.deepEqual(await refusalOf(admin.verifiableSet({ setRequest, proveSinceTx: 9n })), illegalState);
    assert.deepEqual(
      await refusalOf(admin.verifiableGet({ keyRequest: { key: utf8("a") }, proveSinceTx: 9n })),
      illegalState,
    );
    assert.deepEqual(await refusalOf(admin.verifiableTxById({ tx: 1n, proveSinceTx: 9n })), {
      code: Code.Unknown,
      text: "illegal state: latest txID=1 is lower than specified as initial tx=9",
    });
    assert.equal((await admin.currentState({})).txId, 1n, "nothing was written");
  });

  test("states and proofs are unsigned without a key", async () => {
    await using services = await Services.open();
    const admin = await services.session();
    assert.equal((await admin.currentState({})).signature, undefined);
    assert.equal((await admin.verifiableSet({ setRequest: { KVs: [kv("a", "1")] } })).signature, undefined);
  });

  test("with a key, states and everything verifiable are signed for where they lead", async () => {
    const directory = await mkdtemp(join(tmpdir(), "answers-"));
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const file = join(directory, "key.pem");
    await writeFile(file, privateKey.export({ type: "sec1", format: "pem" }));
    const configured = parsePublicKey(publicKey.export({ type: "spki", format: "pem" }).toString());
    await using services = await Services.open({ sign: await loadStateSigner(file) });
    await rm(directory, { recursive: true });
    const admin = await services.session();

    verifyStateSignature(stateFromWire(await admin.currentState({})), configured);
    await admin.set({ KVs: [kv("a", "1")] });
    const set = await admin.verifiableSet({ setRequest: { KVs: [kv("a", "2")] }, proveSinceTx: 1n });
    const got = await admin.verifiableGet({ keyRequest: { key: utf8("a"), atTx: 1n }, proveSinceTx: 2n });
    const tx = await admin.verifiableTxById({ tx: 1n, proveSinceTx: 1n });
    for (const [answer, leadsTo] of [
      [set, 2n],
      [got.verifiableTx, 2n],
      [tx, 1n],
    ] as const) {
      const { dualProof, signature } = verifiableTxFromWire(answer);
      const { targetTxHeader } = dualProof;
      assert.equal(targetTxHeader.id, leadsTo);
      const state = { db: "defaultdb", txId: leadsTo, txHash: alh(targetTxHeader), signature };
      verifyStateSignature(state, configured);
    }
    const state = stateFromWire(await admin.currentState({}));
    assert.equal(state.txId, 2n);
    verifyStateSignature(state, configured);
  });

  test("the server tells what it is compatible with, and what it holds", async () => {
    await using services = await Services.open();
    const nobody = services.client();
    const health = await nobody.health({});
    assert.deepEqual([health.status, health.version], [true, "1.11.1"]);
    const admin = await services.session();
    await admin.set({ KVs: [kv("a", "1")] });
    const info = await nobody.serverInfo({});
    assert.match(info.version, /^\d+\.\d+\.\d+$/);
    assert.equal(info.numDatabases, 1);
    assert.equal(info.numTransactions, 1n);
    assert.equal(info.startedAt, BigInt(services.clock.ms / 1000));
    assert.ok(info.databasesDiskSize > 0n);
  });

  test("a database's health counts the other calls under way and dates the last one that ended", async () => {
    await using services = await Services.open();
    const admin = await services.session();
    await admin.set({ KVs: [kv("a", "1")] });
    services.clock.ms += 5000;
    const before = await admin.databaseHealth({});
    assert.deepEqual([before.pendingRequests, before.lastRequestCompletedAt], [0, BigInt(services.clock.ms - 5000)]);
    const setting = admin.set({ KVs: [kv("a", "2")] });
    while (services.room.activity.of("defaultdb").pending === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await admin.databaseHealth({})).pendingRequests, 1);
    await setting;
    assert.equal((await refusalOf(admin.get({ key: utf8("zz") }))).text, "tbtree: key not found");
    assert.equal((await admin.databaseHealth({})).pendingRequests, 0);
  });

  test("every call is reported once, with who, where, how long and how it ended", async () => {
    await using services = await Services.open({ peer: "10.1.2.3" });
    const admin = await services.session();
    services.calls.length = 0;
    await admin.set({ KVs: [kv("a", "1")] });
    await refusalOf(admin.get({ key: utf8("zz") }));
    await refusalOf(services.client().get({ key: utf8("a") }));
    await services.client().health({});
    const reported = services.calls.map(({ failure, durationMs, startedMs, ...call }) => ({
      ...call,
      code: failure?.code,
    }));
    const path = (method: string) => `/immudb.schema.ImmuService/${method}`;
    const peer = "10.1.2.3";
    assert.deepEqual(reported, [
      { path: path("Set"), kind: "WRITE", user: "immudb", peer, database: "defaultdb", code: undefined },
      { path: path("Get"), kind: "READ", user: "immudb", peer, database: "defaultdb", code: Code.Unknown },
      { path: path("Get"), kind: "READ", user: "", peer, database: undefined, code: Code.Unknown },
      { path: path("Health"), kind: "SYSTEM", user: "", peer, database: undefined, code: undefined },
    ]);
  });
});
