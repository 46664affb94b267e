// What is durable and what is committed, told apart after every crash; and a replica that goes on where its disk says it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, equalBytes, toHex } from "../../../src/base/bytes.ts";
import { encodeExportedTx } from "../../../src/proof/exported-tx.ts";
import { txToExport } from "../../../src/store/export.ts";
import type { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { onSimulatedDisk, setOf, turns } from "./support.ts";

const WAITING = { commitsAlone: false };
const SEEDS = 40;

/** The chain from its first transaction to the end. */
function checkChain(store: Store): void {
  for (let txId = 2n; txId <= store.precommitted.txId; txId++)
    assert.ok(equalBytes(store.log.header(txId).prevAlh, store.log.alh(txId - 1n)));
}

function exported(store: Store, txId: bigint): Uint8Array {
  return concat(...encodeExportedTx(txToExport(store.log, txId, false)));
}

test("after a crash, what was durable is there, what was committed is committed, and nothing that was not asked for is", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk({ random });
    /** Alh of each transaction that is known to be durable. */
    const durable = new Map<bigint, string>();
    let committed = 0n;
    let asked = 0n;
    for (let life = 0; life < 3; life++) {
      const store = await onSimulatedDisk(disk)(WAITING);
      const end = store.precommitted.txId;
      for (const [txId, alh] of durable) assert.equal(toHex(store.log.alh(txId)), alh, `seed ${seed}`);
      assert.ok(store.committed.txId >= committed && store.committed.txId <= asked, `seed ${seed}`);
      committed = store.committed.txId;
      checkChain(store);
      if (end > committed && random.below(3) === 0) {
        await store.discardAfter(committed);
        assert.equal(store.precommitted.txId, committed);
        for (const txId of [...durable.keys()]) if (txId > committed) durable.delete(txId);
        asked = committed;
      }
      for (let step = 0; step < 12; step++) {
        const last = store.precommitted.txId;
        if (random.below(3) === 0 && last > 0n) {
          const upTo = BigInt(1 + random.below(Number(last)));
          if (upTo > asked) asked = upTo;
          void store.commitUpTo(upTo).then(() => {
            if (upTo > committed) committed = upTo;
          });
        } else {
          void store.precommit(setOf([`k${random.below(5)}`, String(step)])).then(({ id }) => {
            durable.set(id, toHex(store.log.alh(id)));
          });
        }
        await turns(random.below(3));
      }
      disk.crash(random.below(2) === 0 ? "process" : "machine");
    }
  }
});

test("a replica that dies again and again ends with the Alh of its primary", async () => {
  await using primary = await onSimulatedDisk()();
  for (let i = 0; i < 60; i++) await primary.commit(setOf([`k${i % 7}`, "v".repeat(i * 100)]));
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk({ random });
    let replica = await onSimulatedDisk(disk)();
    while (replica.committed.txId < 60n) {
      const from = replica.committed.txId;
      for (let txId = from + 1n; txId <= 60n && txId <= from + 20n; txId++)
        void replica.adopt(exported(primary, txId), false, undefined);
      await turns(random.below(12));
      if (random.below(4) === 0) await replica.settled();
      disk.crash(random.below(2) === 0 ? "process" : "machine");
      replica = await onSimulatedDisk(disk)();
      checkChain(replica);
    }
    assert.equal(toHex(replica.committed.alh), toHex(primary.committed.alh));
    await replica.close();
  }
});
