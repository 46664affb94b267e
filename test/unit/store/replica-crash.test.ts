// A primary that waits for its replica, and a replica that waits for its primary: either dies at any moment, as a process or with
// its machine, and what was promised before is there afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, toHex } from "../../../src/base/bytes.ts";
import { encodeExportedTx } from "../../../src/proof/exported-tx.ts";
import { txToExport } from "../../../src/store/export.ts";
import type { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { onSimulatedDisk, setOf, turns } from "./support.ts";

const WAITING = { commitsAlone: false };
const ROUNDS = 12;

/** One of the two machines, and what it promised: up to which transaction all is on disk, and committed. */
class Machine {
  readonly #disk: SimulatedDisk;
  readonly #random: SeededRandom;
  store!: Store;
  durable = 0n;
  committed = 0n;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#disk = new SimulatedDisk({ random: new SeededRandom(seed) });
  }

  async open(): Promise<void> {
    this.store = await onSimulatedDisk(this.#disk)(WAITING);
    assert.ok(this.store.precommitted.txId >= this.durable, "what was on disk is lost");
    assert.ok(this.store.committed.txId >= this.committed, "what was committed is not any more");
  }

  async crash(): Promise<void> {
    this.#disk.crash(this.#random.chance(0.5) ? "machine" : "process");
    await this.open();
  }

  /** Once an action has ended without the machine having died, what it promises counts. */
  promise(action: Promise<unknown>, promised: () => void): void {
    const { store } = this;
    action.then(
      () => this.store === store && promised(),
      () => undefined,
    );
  }
}

function blobOf(store: Store, txId: bigint): Uint8Array {
  return concat(...encodeExportedTx(txToExport(store.log, txId, false)));
}

function requireOneHistory(primary: Store, replica: Store): void {
  for (let txId = 1n; txId <= replica.precommitted.txId; txId++)
    assert.equal(toHex(replica.log.alh(txId)), toHex(primary.log.alh(txId)), `transaction ${txId}`);
}

test("what a primary and its replica promise each other outlives the death of either", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = new SeededRandom(seed);
    const [primary, replica] = [new Machine(2 * seed), new Machine(2 * seed + 1)];
    await Promise.all([primary.open(), replica.open()]);
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = random.below(4); i > 0; i--) {
        const written = primary.store.precommit(setOf(["k", "x".repeat(random.below(600))]));
        primary.promise(written, () => {
          primary.durable = primary.store.precommitted.txId;
        });
      }
      await turns(random.below(12));
      for (let txId = replica.store.precommitted.txId + 1n; txId <= primary.store.precommitted.txId; txId++) {
        replica.promise(replica.store.adopt(blobOf(primary.store, txId), false, undefined), () => {
          if (txId > replica.durable) replica.durable = txId;
        });
      }
      await turns(random.below(12));
      for (const [who, upTo] of [
        [primary, replica.store.precommitted.txId],
        [replica, primary.store.committed.txId],
      ] as const) {
        let to = who.store.precommitted.txId;
        if (upTo < to) to = upTo;
        who.promise(who.store.commitUpTo(to), () => {
          who.committed = who.store.committed.txId;
        });
      }
      if (primary.committed > 1n && random.chance(0.2))
        primary.promise(primary.store.truncateBefore(primary.committed), () => undefined);
      await turns(random.below(12));
      if (random.chance(0.3)) await replica.crash();
      if (random.chance(0.3)) await primary.crash();
      requireOneHistory(primary.store, replica.store);
      assert.ok(replica.store.committed.txId <= primary.store.precommitted.txId, "the replica is ahead of its primary");
      assert.ok(primary.committed <= replica.store.precommitted.txId, "acknowledged, and not at the replica");
    }
    await Promise.all([primary.store.close(), replica.store.close()]);
  }
});
