// Answers with proofs, checked by the flows that clients run (src/proof/verify.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import type { State } from "../../../src/proof/model.ts";
import {
  type Trusted,
  verifiedGet,
  verifiedSet,
  verifiedTxById,
  type SetRequest as WrittenEntry,
} from "../../../src/proof/verify.ts";
import {
  codeOf,
  getRequest,
  metadata,
  NOW_SECONDS,
  type Pair,
  refer,
  remove,
  set,
  setRequest,
  type TestDatabase,
  testDatabase,
  txRequest,
} from "./support.ts";

const nothing: State = { db: "testdb", txId: 0n, txHash: new Uint8Array(32), signature: undefined };
const trusting = (state: State): Trusted => ({ state });

/** A client that remembers the last state, as far as this test trusts it. */
class Client {
  state: State = nothing;
  readonly #db: TestDatabase;

  constructor(db: TestDatabase) {
    this.#db = db;
  }

  async set(...pairs: readonly Pair[]): Promise<void> {
    const request = setRequest(pairs);
    const answer = await this.#db.database.verifiableSet({ set: request, proveSinceTx: this.state.txId });
    this.state = await verifiedSet(trusting(this.state), request.entries as readonly WrittenEntry[], answer);
  }

  async get(key: string, atTx = 0n): Promise<void> {
    const answer = this.#db.database.verifiableGet({ get: getRequest(key, { atTx }), proveSinceTx: this.state.txId });
    this.state = await verifiedGet(trusting(this.state), { key: utf8(key), atTx }, answer);
  }

  async txById(tx: bigint, rawValues: boolean): Promise<void> {
    const entriesSpec = rawValues ? ({ kv: "raw_value", z: "raw_value", sql: "raw_value" } as const) : undefined;
    const answer = this.#db.database.verifiableTxById({
      tx: txRequest(tx, { entriesSpec }),
      proveSinceTx: this.state.txId,
    });
    this.state = await verifiedTxById(trusting(this.state), { tx, rawValues }, answer);
  }

  /** What is trusted is what the database says of itself. */
  assertCurrent(): void {
    const { txId, txHash } = this.#db.database.state();
    assert.equal(this.state.txId, txId);
    assert.deepEqual(Buffer.from(this.state.txHash), Buffer.from(txHash));
  }
}

describe("answers with proofs", () => {
  test("verify from the first contact on", async () => {
    await using db = await testDatabase();
    const client = new Client(db);
    await client.set(["a", "1"]);
    client.assertCurrent();
    await set(db, ["b", "1"], ["c", "1", metadata({ expiresAt: NOW_SECONDS + 5n })]);
    await client.get("b");
    await client.get("c");
    await client.get("a");
    await client.set(["d", "1"], ["e", "2", metadata({ nonIndexable: true })]);
    client.assertCurrent();
    await client.get("e", 3n);
    await remove(db, "a");
    await client.txById(4n, true);
    await client.txById(1n, false);
    client.assertCurrent();
  });

  test("verify whatever was written and trusted, in any order", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            kind: fc.constantFrom("write", "set", "get", "getAt", "tx", "txRaw", "start over"),
            at: fc.nat(),
            entries: fc.integer({ min: 1, max: 12 }),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        async (steps) => {
          await using db = await testDatabase();
          const client = new Client(db);
          await set(db, ["k0", "first"]);
          const keys: (readonly [key: string, tx: bigint])[] = [["k0", 1n]];
          for (const [i, { kind, at, entries }] of steps.entries()) {
            const pairs = Array.from({ length: entries }, (_, j) => [`k${(at + j) % 20}`, `${i}/${j}`] as const);
            const [key, txId] = keys[at % keys.length] as (typeof keys)[number];
            const someTx = BigInt(at % Number(db.database.state().txId)) + 1n;
            if (kind === "write") await set(db, ...pairs);
            if (kind === "set") await client.set(...pairs);
            if (kind === "write" || kind === "set") {
              for (const [written] of pairs) keys.push([written, db.database.state().txId]);
            }
            if (kind === "get") await client.get(key);
            if (kind === "getAt") await client.get(key, txId);
            if (kind === "tx") await client.txById(someTx, false);
            if (kind === "txRaw") await client.txById(someTx, true);
            if (kind === "start over") client.state = nothing;
          }
          await client.set(["end", "1"]);
          client.assertCurrent();
        },
      ),
      { seed: 20_247, numRuns: 40 },
    ));

  test("of a reference prove the reference", async () => {
    await using db = await testDatabase();
    const client = new Client(db);
    await set(db, ["k", "1"]);
    await refer(db, "free", "k");
    await refer(db, "bound", "k", 1n);
    await set(db, ["k", "2"]);
    await client.get("free");
    await client.get("bound");
    await client.get("k", 1n);
    await client.get("k");
    client.assertCurrent();
  });

  test("are refused when they would start in the future, and nothing is written", async () => {
    await using db = await testDatabase();
    await set(db, ["k", "1"]);
    const { database } = db;
    const future = { proveSinceTx: 2n };
    assert.equal(
      await codeOf(() => database.verifiableSet({ set: setRequest([["k", "2"]]), ...future })),
      "illegal_state",
    );
    assert.equal(database.state().txId, 1n);
    assert.equal(await codeOf(() => database.verifiableGet({ get: getRequest("k"), ...future })), "illegal_state");
    assert.equal(await codeOf(() => database.verifiableTxById({ tx: txRequest(1n), ...future })), "prove_since_future");
    assert.equal(await codeOf(() => database.verifiableTxById({ tx: txRequest(0n), ...future })), "illegal_arguments");
    assert.equal(
      await codeOf(() => database.verifiableTxById({ tx: txRequest(9n), proveSinceTx: 1n })),
      "tx_not_found",
    );
    assert.equal(
      await codeOf(() => database.verifiableGet({ get: getRequest("x"), proveSinceTx: 1n })),
      "key_not_found",
    );
  });
});
