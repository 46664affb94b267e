// Transactions out of one database and into another, over the methods of the contract.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { ExportTxRequestSchema } from "../../gen/immudb/schema/replication_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { concat, fromBase64, toHex, u64, utf8, viewOf } from "../../src/base/bytes.ts";
import { refusalOf, Services } from "./support.ts";

type Immu = Client<typeof ImmuService>;
type ExportTxRequest = MessageInitShape<typeof ExportTxRequestSchema>;

const INVALID_ARGUMENT = 3;
const UNKNOWN = 2;
const INTERNAL = 13;

async function withReplica(
  body: (primary: Immu, replica: Immu, services: Services) => Promise<void>,
  replicationSettings: Parameters<typeof settingsOf>[0] = {},
): Promise<void> {
  await using services = await Services.open();
  const primary = await services.session();
  await primary.createDatabaseV2({ name: "replica", settings: settingsOf(replicationSettings) });
  await body(primary, await services.session("immudb", "replica"), services);
}

function settingsOf({ sync = false, unchecked = false }: { sync?: boolean; unchecked?: boolean }) {
  return {
    replicationSettings: {
      replica: { value: true },
      syncReplication: { value: sync },
      skipIntegrityCheck: { value: unchecked },
    },
  };
}

async function exported(primary: Immu, request: ExportTxRequest): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of primary.exportTx(request)) chunks.push(chunk);
  return chunks;
}

/** The chunks with the frame's length in front taken off. */
function blobOf(chunks: readonly Chunk[]): Uint8Array {
  const whole = concat(...chunks.map(({ content }) => content));
  assert.equal(viewOf(whole).getBigUint64(0), BigInt(whole.length - 8));
  return whole.subarray(8);
}

function replicate(replica: Immu, blob: Uint8Array, ...after: readonly Uint8Array[]) {
  const whole = concat(u64(BigInt(blob.length)), blob, ...after);
  return replica.replicateTx(cut(whole));
}

async function* cut(bytes: Uint8Array): AsyncGenerator<{ content: Uint8Array }> {
  for (let at = 0; at < bytes.length; at += 70_000) yield { content: bytes.subarray(at, at + 70_000) };
}

const set = (client: Immu, key: string, value: Uint8Array) => client.set({ KVs: [{ key: utf8(key), value }] });

async function stateOf(client: Immu, uuid = "replica-1") {
  const { txId, txHash, precommittedTxId, precommittedTxHash } = await client.currentState({});
  return {
    UUID: uuid,
    committedTxID: txId,
    committedAlh: txHash,
    precommittedTxID: precommittedTxId,
    precommittedAlh: precommittedTxHash,
  };
}

describe("exporting and replicating", () => {
  test("copies a database to the byte, values of several megabytes too", () =>
    withReplica(async (primary, replica) => {
      await set(primary, "small", utf8("v"));
      const big = new Uint8Array(5_000_000).fill(7);
      await set(primary, "big", big);
      await primary.zAdd({ set: utf8("s"), score: 1.5, key: utf8("small") });
      for (const tx of [1n, 2n, 3n]) {
        const chunks = await exported(primary, { tx });
        assert.ok(chunks.every(({ content }) => content.length <= 64 * 1024));
        assert.deepEqual(Object.keys(chunks[0]?.metadata ?? {}), ["committed-txid-bin"]);
        assert.deepEqual(chunks[0]?.metadata["committed-txid-bin"], u64(3n));
        const header = await replicate(replica, blobOf(chunks));
        assert.equal(header.id, tx);
        assert.deepEqual(header, (await primary.txById({ tx })).header);
      }
      const [from, to] = [await primary.currentState({}), await replica.currentState({})];
      assert.equal(toHex(to.txHash), toHex(from.txHash));
      assert.deepEqual((await replica.get({ key: utf8("big") })).value, big);
      assert.equal((await replica.zScan({ set: utf8("s") })).entries.length, 1);
    }));

  test("answers a replica how far it may commit, in the first chunk and in trailers", () =>
    withReplica(
      async (primary, replica) => {
        await set(primary, "a", utf8("1"));
        await set(primary, "a", utf8("2"));
        await replicate(replica, blobOf(await exported(primary, { tx: 1n })));
        const state = await stateOf(replica);
        assert.equal(state.committedTxID, 0n);
        assert.equal(state.precommittedTxID, 1n);
        const trailers: Headers[] = [];
        const request = { tx: 2n, allowPreCommitted: true, replicaState: state };
        const chunks: Chunk[] = [];
        for await (const chunk of primary.exportTx(request, { onTrailer: (trailer) => trailers.push(trailer) }))
          chunks.push(chunk);
        const metadata = chunks[0]?.metadata as Record<string, Uint8Array>;
        assert.deepEqual(metadata["committed-txid-bin"], u64(2n));
        assert.deepEqual(metadata["may-commit-up-to-txid-bin"], u64(1n));
        assert.equal(toHex(metadata["may-commit-up-to-alh-bin"] as Uint8Array), toHex(state.precommittedAlh));
        assert.equal(trailers.length, 1);
        for (const [name, value] of Object.entries(metadata)) {
          const sent = trailers[0]?.get(name) ?? "";
          assert.deepEqual(fromBase64(sent.padEnd(Math.ceil(sent.length / 4) * 4, "=")), value);
        }
      },
      { sync: true },
    ));

  test("sends a frame without payload to a replica for which there is nothing", () =>
    withReplica(async (primary, replica) => {
      const [chunk, ...rest] = await exported(primary, { tx: 1n, replicaState: await stateOf(replica) });
      assert.deepEqual(rest, []);
      assert.deepEqual(chunk?.content, u64(0n));
      assert.deepEqual(chunk?.metadata["committed-txid-bin"], u64(0n));
      assert.deepEqual(chunk?.metadata["may-commit-up-to-txid-bin"], u64(0n));
    }));

  test("of a stream of requests answers one after the other", () =>
    withReplica(async (primary) => {
      for (const value of ["1", "2", "3"]) await set(primary, "a", utf8(value));
      async function* requests() {
        for (const tx of [3n, 1n, 2n]) yield { tx };
      }
      const got: string[] = [];
      for await (const { content } of primary.streamExportTx(requests())) got.push(toHex(content));
      const want: string[] = [];
      for (const tx of [3n, 1n, 2n])
        for (const { content } of await exported(primary, { tx })) want.push(toHex(content));
      assert.deepEqual(got, want);
      async function* none() {}
      assert.equal((await refusalOf(collect(primary.streamExportTx(none())))).code, UNKNOWN);
      async function* beyond() {
        yield { tx: 9n };
      }
      assert.deepEqual(await refusalOf(collect(primary.streamExportTx(beyond()))), {
        code: UNKNOWN,
        text: "no new transactions",
      });
    }));

  test("leaves the entries root out when asked to, and takes that in where the database trusts its primary", async () => {
    await withReplica(async (primary, replica) => {
      await set(primary, "a", utf8("1"));
      const blob = blobOf(await exported(primary, { tx: 1n, skipIntegrityCheck: true }));
      const refusal = await refusalOf(replicate(replica, blob));
      assert.equal(refusal.code, INVALID_ARGUMENT);
      assert.match(refusal.text, /transaction 1 is refused: its entries are not those that its header says/);
    });
    await withReplica(
      async (primary, replica) => {
        await set(primary, "a", utf8("1"));
        await replicate(replica, blobOf(await exported(primary, { tx: 1n, skipIntegrityCheck: true })));
        assert.deepEqual((await replica.currentState({})).txHash, (await primary.currentState({})).txHash);
      },
      { unchecked: true },
    );
  });
});

describe("what is refused by name", () => {
  test("a transaction that is no more what was exported, that is here already, or that comes too early", () =>
    withReplica(async (primary, replica) => {
      for (const value of ["1", "2"]) await set(primary, "a", utf8(value));
      const [one, two] = [blobOf(await exported(primary, { tx: 1n })), blobOf(await exported(primary, { tx: 2n }))];
      const forged = one.slice();
      forged[forged.length - 4] = 0x39;
      assert.match((await refusalOf(replicate(replica, forged))).text, /transaction 1 is refused/);
      assert.match((await refusalOf(replicate(replica, one.subarray(0, -1)))).text, /is refused/);
      assert.match((await refusalOf(replicate(replica, one, u64(0n)))).text, /something follows/);
      assert.equal((await refusalOf(replicate(replica, new Uint8Array(0)))).code, INVALID_ARGUMENT);
      await replicate(replica, one);
      assert.deepEqual(await refusalOf(replicate(replica, one)), { code: UNKNOWN, text: "tx already committed" });
      await set(primary, "a", utf8("3"));
      const three = replicate(replica, blobOf(await exported(primary, { tx: 3n })));
      await replicate(replica, two);
      assert.equal((await three).id, 3n);
      assert.deepEqual(await refusalOf(set(replica, "a", utf8("mine"))), {
        code: UNKNOWN,
        text: "database is read-only because it's a replica",
      });
    }));

  test("a transaction for a database that is no replica, whatever the stream holds", () =>
    withReplica(async (primary) => {
      async function* nothing() {
        yield { content: Uint8Array.of(0) };
      }
      const refusal = await refusalOf(primary.replicateTx(nothing()));
      assert.equal(refusal.code, INTERNAL);
      assert.equal(refusal.text, "database is not a replica");
    }));

  test("a length that nobody may have, before anything of it has come", () =>
    withReplica(async (_primary, replica) => {
      async function* long() {
        yield { content: u64(2n ** 40n) };
      }
      const refusal = await refusalOf(replica.replicateTx(long()));
      assert.match(refusal.text, /an exported transaction has at most 134217728 bytes/);
      async function* short() {
        yield { content: u64(9n) };
      }
      assert.equal((await refusalOf(replica.replicateTx(short()))).code, INVALID_ARGUMENT);
    }));

  test("a request that makes no sense, or a replica that has another history", () =>
    withReplica(async (primary, replica) => {
      await set(primary, "a", utf8("1"));
      assert.deepEqual(await refusalOf(exported(primary, { tx: 0n })), {
        code: INVALID_ARGUMENT,
        text: "illegal arguments",
      });
      assert.deepEqual(await refusalOf(exported(primary, { tx: 5n })), { code: UNKNOWN, text: "no new transactions" });
      const state = await stateOf(replica);
      for (const replicaState of [
        { ...state, UUID: "" },
        { ...state, UUID: "x".repeat(65) },
        { ...state, committedTxID: 1n, committedAlh: new Uint8Array(31) },
      ])
        assert.equal((await refusalOf(exported(primary, { tx: 1n, replicaState }))).code, INVALID_ARGUMENT);
      const ahead = { ...state, committedTxID: 7n, precommittedTxID: 7n };
      assert.deepEqual(await refusalOf(exported(primary, { tx: 1n, replicaState: ahead })), {
        code: UNKNOWN,
        text: "replica commit state diverged from primary",
      });
      const wrong = { ...state, precommittedTxID: 1n, precommittedAlh: new Uint8Array(32) };
      assert.deepEqual(await refusalOf(exported(primary, { tx: 1n, replicaState: wrong })), {
        code: UNKNOWN,
        text: "replica precommit state diverged from primary",
      });
    }));

  test("whoever is no administrator of the database", async () => {
    await using services = await Services.open();
    await services.addUser("writer", { defaultdb: "write" });
    const client = await services.session("writer");
    assert.equal((await refusalOf(exported(client, { tx: 1n }))).text, "permission denied");
    assert.equal((await refusalOf(replicate(client, new Uint8Array(1)))).text, "permission denied");
    async function* requests() {
      yield { tx: 1n };
    }
    assert.equal((await refusalOf(collect(client.streamExportTx(requests())))).text, "permission denied");
  });
});

async function collect(chunks: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const all: Chunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}
