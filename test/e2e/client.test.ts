// The client against the real server, over every transport that a program or a page may have.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { utf8ToString } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import { refusalOf } from "../../src/client/refusals.ts";
import type { Entry } from "../../src/proof/model.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server[Symbol.asyncDispose]());

const address = (): string => `${server.host}:${server.port}`;
const pairs = (entries: readonly Entry[]): string[] =>
  entries.map(({ key, value }) => `${utf8ToString(key)}=${utf8ToString(value)}`);

const TRANSPORTS: Record<string, (baseUrl: string) => Transport> = {
  "gRPC over HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect, binary, over HTTP/1.1": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "Connect, JSON, over HTTP/2": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
};

for (const [name, make] of Object.entries(TRANSPORTS)) {
  test(`writes and reads with proof: ${name}`, async () => {
    await using client = new ImmuClient(make(server.url), { address: address() });
    await client.openSession(server.user, server.password);
    const { header } = await client.verifiedSet(name, "value");
    const { entry, proof } = await client.verifiedGet(name);
    assert.equal(utf8ToString(entry.value), "value");
    assert.equal(entry.tx, header.id);
    assert.equal(proof.state.txId, header.id);
    const { tx } = await client.verifiedTxById(header.id);
    assert.equal(tx.entries.length, 1);
  });
}

describe("over one connection", () => {
  let transport: ReturnType<typeof createNodeTransport>;
  let client: ImmuClient;
  before(async () => {
    transport = createNodeTransport(address());
    client = new ImmuClient(transport, { address: address() });
    await client.openSession(server.user, server.password);
  });
  after(async () => {
    await client.close();
    transport.close();
  });

  test("references and sorted sets are written and proven", async () => {
    await client.set("target", "old");
    const { header } = await client.verifiedSetReference("follows", "target");
    await client.setReference("stays", "target", { atTx: header.id - 1n });
    await client.zAdd("set", 2, "target");
    const { proof } = await client.verifiedZAdd("set", -1, "target", { atTx: header.id - 1n });
    assert.ok(proof.checks.includes("entry_digest"));
    await client.set("target", "new");
    const read = async (key: string) => utf8ToString((await client.verifiedGet(key)).entry.value);
    assert.deepEqual([await read("follows"), await read("stays")], ["new", "old"]);
    const scores = async (options = {}) => (await client.zScan("set", options)).map(({ score }) => score);
    assert.deepEqual(await scores(), [2, -1]);
    const [first] = await client.zScan("set", { limit: 1n });
    assert.deepEqual(await scores({ after: first }), [-1]);
    assert.deepEqual(await scores({ minScore: 0 }), [2]);
    assert.deepEqual(await scores({ maxScore: 0 }), [-1]);
  });

  test("plain calls do what they are called", async () => {
    await client.set("p1", "a");
    const { id } = await client.setAll([
      { key: "p2", value: "b" },
      { key: "p3", value: Uint8Array.of(0xc3, 0xa4) },
    ]);
    await client.set("p1", "c");
    assert.deepEqual(pairs(await client.getAll(["p3", "nobody", "p1"])), ["p3=ä", "p1=c"]);
    assert.deepEqual(pairs(await client.scan({ prefix: "p" })), ["p1=c", "p2=b", "p3=ä"]);
    assert.deepEqual(pairs(await client.scan({ prefix: "p", desc: true, limit: 1n })), ["p3=ä"]);
    assert.deepEqual(pairs(await client.history("p1")), ["p1=a", "p1=c"]);
    assert.deepEqual(pairs(await client.history("p1", { desc: true, limit: 1 })), ["p1=c"]);
    assert.equal(utf8ToString((await client.get("p1", { atRevision: -1n })).value), "a");
    assert.equal(await client.count("p"), 3n);
    assert.ok((await client.count()) >= 3n);
    assert.equal((await client.txById(id)).entries.length, 2);
    await client.delete("p2", "p3");
    assert.equal(await client.count("p"), 1n);
    await assert.rejects(client.get("p2"), (error) => refusalOf(error) === "not_found");
    assert.equal((await client.currentState()).txId, (await client.currentState()).precommittedTxId);
    assert.equal((await client.health()).status, true);
    assert.equal((await client.serverInfo()).version, "1.11.1");
    assert.equal((await client.databaseHealth()).pendingRequests, 0);
  });

  test("a write whose precondition does not hold is refused and nothing is written", async () => {
    await client.setAll([{ key: "once", value: "1" }], [{ kind: "key_must_not_exist", key: "once" }]);
    const { id } = await client.set("other", "1");
    for (const precondition of [
      { kind: "key_must_not_exist", key: "once" },
      { kind: "key_must_exist", key: "nobody" },
      { kind: "key_not_modified_after_tx", key: "other", txId: id - 1n },
    ] as const) {
      await assert.rejects(client.setAll([{ key: "once", value: "2" }], [precondition]), /precondition failed/);
    }
    assert.equal(utf8ToString((await client.verifiedGet("once")).entry.value), "1");
  });

  test("a value of five million bytes is written and read with proof", async () => {
    const value = new Uint8Array(5_000_000).map((_, n) => n % 251);
    await client.verifiedSet("big", value);
    assert.deepEqual((await client.verifiedGet("big")).entry.value, value);
  });

  test("every transaction up to the current one proves against the same trusted state", async () => {
    const { txId } = await client.currentState();
    for (let tx = 1n; tx <= txId; tx++) {
      const { proof } = await client.verifiedTxById(tx);
      assert.equal(proof.state.txId, txId);
    }
  });
});
