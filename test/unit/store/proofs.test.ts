// Proofs made from what the store holds, checked as a client checks them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { equalBytes, u32 } from "../../../src/base/bytes.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { buildDualProofV2, verifyDualProofV2 } from "../../../src/proof/dual-v2.ts";
import { EntriesTree, verifyEntryInclusion } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import { alh, EMPTY_ALH } from "../../../src/proof/tx-header.ts";
import type { Store } from "../../../src/store/store.ts";
import { codeOf, onSimulatedDisk, SETTINGS, setOf } from "./support.ts";

/** Writes until the store has `length` transactions, of headers of both versions. */
async function chainOf(length: number): Promise<{ readonly store: Store; readonly open: () => Promise<Store> }> {
  const open = onSimulatedDisk();
  for (const version of [0, 1]) {
    await using store = await open({ settings: { ...SETTINGS, writeTxHeaderVersion: version } });
    const wanted = version === 0 ? Math.floor(length / 3) : length;
    const missing = wanted - Number(store.committed.txId);
    await Promise.all(Array.from({ length: missing }, (_, i) => store.commit(setOf([`k${i % 7}`, String(i)]))));
  }
  return { store: await open(), open };
}

function verifyBetween(store: Store, s: bigint, t: bigint): void {
  const { log } = store;
  const [source, target] = [log.header(s), log.header(t)];
  verifyDualProof(buildDualProof(source, target, log), s, t, alh(source), alh(target));
  verifyDualProofV2(buildDualProofV2(source, target, log.node), s, t, alh(source), alh(target));
}

describe("proofs from the store", () => {
  test("join any two transactions of a short chain", async () => {
    for (const length of [1, 2, 3, 7, 8, 9, 33]) {
      const { store } = await chainOf(length);
      for (let s = 1n; s <= length; s++) for (let t = s; t <= length; t++) verifyBetween(store, s, t);
      await store.close();
    }
  });

  test("join random transactions of chains of random length", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 34, max: 700 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 40 }),
        async (length, pairs) => {
          const { store } = await chainOf(length);
          for (const [a, b] of pairs) {
            const [s, t] = [(a % length) + 1, (b % length) + 1].sort((x, y) => x - y) as [number, number];
            verifyBetween(store, BigInt(s), BigInt(t));
          }
          verifyBetween(store, 1n, BigInt(length));
          await store.close();
        },
      ),
      { seed: 20_245, numRuns: 12 },
    ));

  test("come from headers that chain, and do not pass for other transactions", async () => {
    const { store } = await chainOf(40);
    const { log } = store;
    for (let id = 1n; id <= 40n; id++) {
      const header = log.header(id);
      assert.equal(header.blTxId, id - 1n);
      assert.ok(equalBytes(header.prevAlh, id === 1n ? EMPTY_ALH : log.alh(id - 1n)));
    }
    const [s, t] = [log.header(5n), log.header(30n)];
    const proof = buildDualProof(s, t, log);
    assert.notEqual(await codeOf(() => verifyDualProof(proof, 5n, 30n, log.alh(6n), alh(t))), "none");
    assert.notEqual(await codeOf(() => verifyDualProof(proof, 5n, 30n, alh(s), log.alh(29n))), "none");
    await store.close();
  });

  test("show every entry in its transaction, however many there are", async () => {
    await using store = await onSimulatedDisk()();
    for (const count of [1, 2, 7, 8, 9, 100, 1024]) {
      const entries = Array.from({ length: count }, (_, i) => ({
        key: plainKey(u32(i)),
        value: plainValue(u32(count)),
        metadata: i % 5 === 0 ? { deleted: false, expiresAt: BigInt(i), nonIndexable: i % 2 === 0 } : undefined,
      }));
      const { id } = await store.commit({ entries, preconditions: [], metadata: undefined });
      const record = store.log.checkedRecord(id);
      const { eh, nentries, version } = record.header;
      const digests = store.log.entries(id, record).map((entry) => entryDigest(entry, version));
      const tree = new EntriesTree(digests);
      assert.ok(equalBytes(tree.root, eh));
      for (let leaf = 0; leaf < count; leaf += Math.ceil(count / 64)) {
        const proof = tree.inclusionProof(leaf);
        assert.equal(verifyEntryInclusion(proof, digests[leaf] as Uint8Array, eh, nentries), leaf);
      }
    }
  });
});
