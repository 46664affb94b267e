import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { hooked, onSimulatedDisk, setOf, turns } from "./support.ts";

const DELETED = { deleted: true, expiresAt: undefined, nonIndexable: false };

test("a value that is being written is kept when everything before it is truncated", async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  let onLogWritten = async (): Promise<void> => undefined;
  const driver = hooked(disk.driver(), { after: (name) => (name === "log" ? onLogWritten() : undefined) });
  await using store = await onSimulatedDisk(disk)({ driver, valuesInSegments: true });
  await store.commit(setOf(["k", "old"]));
  // The last transaction has no value, so that nothing in the log asks for the segment to be kept.
  const deletion = { key: plainKey(utf8("k")), value: new Uint8Array(0), metadata: DELETED };
  await store.commit({ entries: [deletion], preconditions: [], metadata: undefined });
  let committing: Promise<unknown> = Promise.resolve();
  onLogWritten = async () => {
    onLogWritten = async () => undefined;
    committing = store.commit(setOf(["k", "new"]));
    // Its value is in the segment then, and its transaction waits for its turn to be written to the log.
    await turns(20);
  };
  await store.truncateBefore(2n);
  await committing;
  assert.equal(store.truncatedBefore, 2n);
  assert.deepEqual([...store.log.value(3n, 0)], [...plainValue(utf8("new"))]);
});

test("what is committed while old values are removed stays committed", async () => {
  for (let moment = 0; moment < 60; moment++) {
    const disk = new SimulatedDisk({ random: new SeededRandom(moment) });
    const open = onSimulatedDisk(disk);
    const store = await open({ commitsAlone: false });
    for (let i = 0; i < 6; i++) await store.precommit(setOf(["k", "x".repeat(2000)]));
    await store.commitUpTo(2n);
    const truncating = store.truncateBefore(2n);
    await turns(moment);
    await store.commitUpTo(6n);
    await truncating;
    assert.equal(store.committed.txId, 6n);
    await store.close();
    const again = await open({ commitsAlone: false });
    assert.equal(again.committed.txId, 6n, `committed ${moment} turns after the truncation began`);
    await again.close();
  }
});
