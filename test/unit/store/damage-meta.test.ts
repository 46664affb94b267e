import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMITTED_ROW, META_TABLE, REMOVED_ROW, TRUNCATED_ROW } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, onSimulatedDisk, setOf } from "./support.ts";

const MODES = { commitsAlone: false, valuesInSegments: true };

/** Puts another value into a row of the log's meta table, while the store is closed. */
async function replace(disk: SimulatedDisk, row: Uint8Array, value: Uint8Array): Promise<void> {
  const engine = await disk.driver().open("simulated/log", { durable: true });
  await engine.write((batch) => batch.put(engine.table(META_TABLE), row, value));
  await engine.close();
}

test("a flipped bit in what the log says of itself is damage: nothing is read as truncated or committed, and nothing removed", async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const open = onSimulatedDisk(disk);
  const store = await open(MODES);
  for (let i = 1; i <= 9; i++) await store.precommit(setOf([`k${i}`, `value ${i}`]));
  await store.commitUpTo(8n);
  await store.truncateBefore(4n);
  await store.close();
  const valuesAreThere = async (store: Store): Promise<void> => {
    assert.equal(store.committed.txId, 8n);
    assert.equal(store.truncatedBefore, 4n);
    for (let txId = 4n; txId <= 8n; txId++) assert.ok(store.log.value(txId, 0).length > 0);
    await store.close();
  };
  for (const row of [COMMITTED_ROW, TRUNCATED_ROW]) {
    await forEachBit(disk, row, async (bit) => {
      assert.equal(await codeOf(() => open(MODES)), "damaged", `bit ${bit} of ${Buffer.from(row)}`);
    });
  }
  // How far bytes are removed concerns nobody who reads.
  await forEachBit(disk, REMOVED_ROW, async () => valuesAreThere(await open(MODES)));
  await valuesAreThere(await open(MODES));
});

/** Runs something with each bit of a row flipped. */
async function forEachBit(disk: SimulatedDisk, row: Uint8Array, run: (bit: number) => Promise<void>): Promise<void> {
  const right = disk.peek("simulated/log", META_TABLE, row) as Uint8Array;
  for (let bit = 0; bit < right.length * 8; bit++) {
    const flipped = right.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    await replace(disk, row, flipped);
    await run(bit);
  }
  await replace(disk, row, right);
}
