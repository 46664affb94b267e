// Transactions that say who wrote them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { utf8 } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { decodeRequestMetadata } from "../../src/proof/request-metadata.ts";
import { startTestServer } from "../support/test-server.ts";
import { Services } from "./support.ts";

const kv = (key: string) => ({ key: utf8(key), value: utf8("v") });

describe("request metadata in transactions", () => {
  test("names user and address in every transaction that somebody writes", async () => {
    await using services = await Services.open({ stampsWrites: true, peer: "10.1.2.3" });
    await services.addUser("ann", { defaultdb: "write" });
    const ann = await services.session("ann");
    await ann.set({ KVs: [kv("a")] });
    await ann.setReference({ key: utf8("r"), referencedKey: utf8("a") });
    await ann.zAdd({ set: utf8("z"), score: 1, key: utf8("a") });
    await ann.execAll({ Operations: [{ operation: { case: "kv", value: kv("b") } }] });
    await ann.verifiableSet({ setRequest: { KVs: [kv("c")] }, proveSinceTx: 1n });
    await ann.delete({ keys: [utf8("b")] });
    for (let tx = 1n; tx <= 6n; tx++) {
      const { header } = await ann.txById({ tx });
      assert.deepEqual(decodeRequestMetadata(header?.metadata?.extra ?? utf8("")), { user: "ann", ip: "10.1.2.3" });
    }
  });

  test("is left out where transactions have no room for it, and when nobody asked for it", async () => {
    await using services = await Services.open({ stampsWrites: true });
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "old", settings: { writeTxHeaderVersion: { value: 0 } } });
    const old = await services.session("immudb", "old");
    await old.set({ KVs: [kv("a")] });
    assert.equal((await old.txById({ tx: 1n })).header?.version, 0);
    await using plain = await Services.open();
    const client = await plain.session();
    await client.set({ KVs: [kv("a")] });
    assert.deepEqual((await client.txById({ tx: 1n })).header?.metadata?.extra, new Uint8Array());
  });

  test("is part of what is proven", async () => {
    await using server = await startTestServer({ "log-request-metadata": "true" });
    const transport = createGrpcTransport({ baseUrl: server.url });
    await using client = new ImmuClient(transport, { address: `${server.host}:${server.port}` });
    await client.openSession(server.user, server.password);
    for (let i = 0; i < 5; i++) {
      const { header } = await client.verifiedSet(`k${i}`, "v");
      assert.deepEqual(decodeRequestMetadata(header.metadata?.extra ?? utf8("")), { user: "immudb", ip: "127.0.0.1" });
    }
    const { entry } = await client.verifiedGet("k1");
    assert.deepEqual(entry.value, utf8("v"));
    await client.verifiedTxById(2n);
  });
});
