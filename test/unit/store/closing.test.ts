import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, onSimulatedDisk, setOf } from "./support.ts";

describe("closing a store", () => {
  test("lets whoever waits for a write read what he has written", async () => {
    const store = await onSimulatedDisk()();
    const written = store.commit(setOf(["k", "v"])).then(({ id }) => store.log.checkedRecord(id).header.id);
    const closed = store.close();
    assert.equal(await codeOf(() => store.commit(setOf(["k", "later"]))), "closed");
    assert.equal(await written, 1n);
    await closed;
    assert.equal(await codeOf(() => store.log), "closed");
  });

  test("that fails says so, gives everything back, and is not taken for a clean end", async () => {
    let failing = false;
    const disk = new SimulatedDisk({ random: new SeededRandom(1), otherFault: () => (failing ? "lost" : "none") });
    const store = await onSimulatedDisk(disk)();
    await store.commit(setOf(["k", "v"]));
    await store.settled();
    failing = true;
    await assert.rejects(store.close(), /EIO/);
    failing = false;
    assert.equal(await disk.place().lastEnd(), "process_died");
    await using again = await onSimulatedDisk(disk)();
    assert.equal(again.committed.txId, 1n);
  });
});
