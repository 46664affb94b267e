import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { type ClientOptions, ImmuClient } from "../../../src/client/client.ts";
import { FileStateStore } from "../../../src/client/node.ts";
import { MemoryStateStore } from "../../../src/client/trusted-state.ts";
import { plainKey, referenceValue } from "../../../src/proof/keys.ts";
import { FakeServer } from "../../support/fake-server.ts";
import { Ledger, type LedgerOptions, newSigningKey } from "../../support/ledger.ts";

const ADDRESS = "immudb.example:3322";

interface Setup {
  readonly ledger: Ledger;
  readonly server: FakeServer;
  readonly store: MemoryStateStore;
  readonly client: ImmuClient;
}

/** A server with `size` transactions (key `k<n>`, value `v<n>`), and a client with an open session. */
async function setUp(
  size: number,
  ledgerOptions: LedgerOptions = {},
  options: Partial<ClientOptions> = {},
): Promise<Setup> {
  const ledger = new Ledger(ledgerOptions);
  for (let n = 1; n <= size; n++) ledger.set(utf8(`k${n}`), utf8(`v${n}`));
  const server = new FakeServer(ledger);
  const store = new MemoryStateStore();
  const client = new ImmuClient(server.transport, { address: ADDRESS, store, ...options });
  await client.openSession("immudb", "secret");
  return { ledger, server, store, client };
}

const stateOf = (store: MemoryStateStore): Promise<{ txId: bigint } | undefined> =>
  store.exclusively(ADDRESS, "defaultdb", (slot) => slot.state());

describe("verified set", () => {
  test("into an empty database trusts nothing before and the new transaction after", async () => {
    const { client, store, ledger } = await setUp(0);
    const { header, proof } = await client.verifiedSet("k", "v");
    assert.equal(header.id, 1n);
    assert.equal(proof.trusted, undefined);
    assert.deepEqual(proof.state, { ...ledger.state(), signature: undefined });
    assert.deepEqual(await stateOf(store), proof.state);
  });

  test("moves the trusted state from one transaction to the next", async () => {
    const { client, store } = await setUp(3);
    for (let n = 4n; n <= 9n; n++) {
      const { proof } = await client.verifiedSet(`k${n}`, `v${n}`);
      assert.equal(proof.trusted?.txId, n - 1n);
      assert.equal((await stateOf(store))?.txId, n);
    }
  });

  test("covers the metadata", async () => {
    const { client } = await setUp(1);
    const metadata = { deleted: false, expiresAt: 4_102_444_800n, nonIndexable: false };
    await client.verifiedSet("k", "v", { metadata });
    assert.deepEqual((await client.verifiedGet("k")).entry.metadata, metadata);
  });
});

describe("verified get", () => {
  test("gives the entry and lists the checks made, in order", async () => {
    const { client } = await setUp(5);
    await client.verifiedGet("k1");
    const { entry, proof } = await client.verifiedGet("k2");
    assert.equal(utf8ToString(entry.value), "v2");
    assert.deepEqual(proof.checks, [
      "server_identity",
      "entry_tx",
      "tx_header",
      "entries_inclusion",
      "dual_proof_tx_ids",
      "source_alh",
      "target_alh",
      "unused_part",
      "history_inclusion",
      "history_consistency",
      "history_last_inclusion",
      "linear_proof",
    ]);
  });

  test("at first contact trusts the current state, and holds the server to it from then on", async () => {
    const { client, server } = await setUp(5);
    const { proof } = await client.verifiedGet("k2");
    assert.equal(proof.trusted?.txId, 5n);
    assert.deepEqual(server.calls, ["openSession", "currentState", "verifiableGet"]);
    await client.verifiedGet("k3");
    assert.deepEqual(server.calls.slice(3), ["verifiableGet"]);
  });

  test("of an entry older or newer than the trusted state keeps or moves the state", async () => {
    const { client, ledger } = await setUp(5);
    assert.equal((await client.verifiedGet("k2")).proof.state.txId, 5n);
    ledger.set(utf8("k6"), utf8("v6"));
    ledger.set(utf8("k7"), utf8("v7"));
    assert.equal((await client.verifiedGet("k6")).proof.state.txId, 6n);
    assert.equal((await client.verifiedGet("k1")).proof.state.txId, 6n);
    assert.equal((await client.verifiedGet("k7")).proof.state.txId, 7n);
  });

  test("at a transaction gives the value of that transaction", async () => {
    const { client, ledger } = await setUp(3);
    ledger.set(utf8("k2"), utf8("newer"));
    assert.equal(utf8ToString((await client.verifiedGet("k2")).entry.value), "newer");
    assert.equal(utf8ToString((await client.verifiedGet("k2", { atTx: 2n })).entry.value), "v2");
  });

  for (const [kind, atTx] of [
    ["bound", 2n],
    ["unbound", 0n],
  ] as const) {
    test(`of a ${kind} reference proves the value behind it, too`, async () => {
      const { client, ledger, server } = await setUp(3);
      ledger.append([{ key: plainKey(utf8("ref")), value: referenceValue(utf8("k2"), atTx) }]);
      if (kind === "bound") ledger.set(utf8("k2"), utf8("newer"));
      const { entry, proof } = await client.verifiedGet("ref");
      assert.equal(utf8ToString(entry.value), "v2");
      assert.equal(utf8ToString(entry.referencedBy?.key as Uint8Array), "ref");
      assert.equal(server.calls.filter((call) => call === "verifiableGet").length, 2);
      assert.equal(proof.checks.filter((check) => check === "entries_inclusion").length, 2);
    });
  }

  test("of a missing key is the server's refusal, text unchanged, and moves nothing", async () => {
    const { client, store } = await setUp(3);
    await client.verifiedGet("k1");
    await assert.rejects(client.verifiedGet("nobody"), (error: ConnectError) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.rawMessage, "tbtree: key not found");
      return true;
    });
    assert.equal((await stateOf(store))?.txId, 3n);
  });
});

describe("verified tx by id", () => {
  test("gives the transaction with all its entries", async () => {
    const { client, ledger } = await setUp(3);
    ledger.append([1, 2, 3].map((n) => ({ key: plainKey(utf8(`m${n}`)), value: Uint8Array.of(0, n) })));
    const { tx, proof } = await client.verifiedTxById(4n);
    assert.deepEqual(
      tx.entries.map(({ key }) => utf8ToString(key.subarray(1))),
      ["m1", "m2", "m3"],
    );
    assert.equal(proof.state.txId, 4n);
    assert.equal((await client.verifiedTxById(1n)).proof.state.txId, 4n);
  });
});

describe("signed states", () => {
  test("pass when the configured key signed them, at first contact and after", async () => {
    const { privateKey, publicKey } = newSigningKey();
    const { client } = await setUp(4, { signingKey: privateKey }, { serverKey: publicKey });
    assert.equal((await client.verifiedGet("k1")).proof.checks.at(-1), "signature");
    const { proof } = await client.verifiedSet("k", "v");
    assert.ok(proof.state.signature);
    assert.equal((await client.currentState()).txId, 5n);
  });

  test("are not asked for without a configured key", async () => {
    const { client } = await setUp(4, { signingKey: newSigningKey().privateKey });
    assert.ok(!(await client.verifiedGet("k1")).proof.checks.includes("signature"));
  });

  test("a key that is no P-256 public key is refused when the client is made", async () => {
    await assert.rejects(setUp(0, {}, { serverKey: "no key" }), { code: "public_key_malformed" });
  });
});

describe("history from very old servers", () => {
  /** Headers commit to a tree that grows by five at a time, so that linear stretches lie between. */
  const blTxIdOf = (id: bigint): bigint => ((id - 1n) / 5n) * 5n;

  test("verifies with the advance proof in the answer", async () => {
    const { client, ledger } = await setUp(4, { blTxIdOf });
    await client.verifiedGet("k1");
    for (let n = 5; n <= 12; n++) ledger.set(utf8(`k${n}`), utf8(`v${n}`));
    const { proof } = await client.verifiedGet("k12");
    assert.ok(proof.checks.includes("linear_advance_proof"));
    assert.equal(proof.state.txId, 12n);
  });

  test("asks for the advance proof when the answer lacks it", async () => {
    const { client, ledger, server } = await setUp(4, { blTxIdOf });
    await client.verifiedGet("k1");
    for (let n = 5; n <= 12; n++) ledger.set(utf8(`k${n}`), utf8(`v${n}`));
    server.tamper.verifiableGet = ({ verifiableTx }) => {
      assert.ok(verifiableTx?.dualProof?.LinearAdvanceProof);
      delete verifiableTx.dualProof.LinearAdvanceProof;
    };
    assert.equal((await client.verifiedGet("k12")).proof.state.txId, 12n);
    assert.ok(server.calls.filter((call) => call === "verifiableTxById").length >= 3);
  });
});

describe("concurrency", () => {
  test("fifty verified calls at once on one client each start from the state that the one before left", async () => {
    const { client, store } = await setUp(1);
    const reports = await Promise.all(
      Array.from({ length: 50 }, async (_, n) =>
        n % 2 === 0 ? (await client.verifiedSet(`c${n}`, `${n}`)).proof : (await client.verifiedGet("k1")).proof,
      ),
    );
    for (const [n, report] of reports.entries()) if (n > 0) assert.deepEqual(report.trusted, reports[n - 1]?.state);
    assert.equal((await stateOf(store))?.txId, 26n);
  });

  test("clients that share a folder of trusted state, but nothing else, do not overtake each other", async () => {
    const directory = await mkdtemp(join(tmpdir(), "shared-state-"));
    try {
      const { server } = await setUp(1);
      const clients = [1, 2, 3].map(
        () => new ImmuClient(server.transport, { address: ADDRESS, store: new FileStateStore(directory) }),
      );
      await Promise.all(clients.map((client) => client.openSession("immudb", "secret")));
      await Promise.all(clients.flatMap((client, c) => [1, 2, 3, 4].map((n) => client.verifiedSet(`c${c}-${n}`, "x"))));
      const { proof } = await (clients[0] as ImmuClient).verifiedGet("k1");
      assert.equal(proof.trusted?.txId, 13n);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

test("a server that does not answer is waited for so long and no longer, and blocks nobody after that", async () => {
  let silent = true;
  const { server } = await setUp(1);
  const transport: Transport = {
    stream: server.transport.stream,
    unary: (method, signal, timeoutMs, ...rest) =>
      silent && method.name === "VerifiableGet"
        ? new Promise((_, reject) =>
            setTimeout(() => reject(new ConnectError("late", Code.DeadlineExceeded)), timeoutMs as number),
          )
        : server.transport.unary(method, signal, timeoutMs, ...rest),
  };
  const client = new ImmuClient(transport, { address: ADDRESS, timeoutMs: 20 });
  await client.openSession("immudb", "secret");
  await assert.rejects(client.verifiedGet("k1"), { code: Code.DeadlineExceeded });
  silent = false;
  assert.equal((await client.verifiedGet("k1")).proof.state.txId, 1n);
});

describe("credentials", () => {
  test("a token serves verified calls, and choosing a database changes it", async () => {
    const { server } = await setUp(2);
    const client = new ImmuClient(server.transport, { address: ADDRESS });
    await assert.rejects(client.verifiedGet("k1"), /not logged in/);
    await assert.rejects(client.login("immudb", "wrong"), /invalid user name or password/);
    await client.login("immudb", "secret");
    assert.equal(utf8ToString((await client.verifiedGet("k1")).entry.value), "v1");
    await client.useDatabase("Other");
    assert.equal(client.database, "other");
    assert.deepEqual(client.credentials, { kind: "token", token: "a-token for Other" });
    await client.logout();
    assert.deepEqual(client.credentials, { kind: "none" });
  });

  test("an open session says that it is alive, and ends with the client", async () => {
    const { server, client } = await setUp(1, {}, { keepAliveMs: 5 });
    await new Promise((resume) => setTimeout(resume, 60));
    assert.ok(server.calls.includes("keepAlive"));
    await client[Symbol.asyncDispose]();
    assert.equal(server.calls.at(-1), "closeSession");
    const calls = server.calls.length;
    await new Promise((resume) => setTimeout(resume, 30));
    assert.equal(server.calls.length, calls);
  });

  test("the state of one database is never used for another", async () => {
    const { server, client, ledger } = await setUp(3);
    await client.verifiedGet("k1");
    server.ledger = new Ledger({ database: "other" });
    server.ledger.set(utf8("k1"), utf8("other value"));
    await client.useDatabase("other");
    assert.equal(utf8ToString((await client.verifiedGet("k1")).entry.value), "other value");
    server.ledger = ledger;
    await client.useDatabase("defaultdb");
    assert.equal((await client.verifiedGet("k1")).proof.trusted?.txId, 3n);
  });
});
