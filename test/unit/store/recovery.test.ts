import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, onSimulatedDisk, setOf, turns } from "./support.ts";

test("a log that answered nothing after a write of unknown outcome is read again once the disk works", async () => {
  let failing = false;
  const disk = new SimulatedDisk({
    random: new SeededRandom(1),
    fault: () => (failing ? "stored" : "none"),
    panics: () => true,
  });
  await using store = await onSimulatedDisk(disk)();
  const { alh } = await store.commit(setOf(["k", "1"])).then(() => store.committed);
  failing = true;
  assert.equal(await codeOf(() => store.commit(setOf(["k", "2"]))), "outcome_unknown");
  assert.equal(await codeOf(() => store.log.alh(1n)), "closed");
  await turns(5);
  assert.equal(await codeOf(() => store.log.alh(1n)), "closed", "the disk still fails");
  failing = false;
  await turns(5);
  assert.deepEqual(store.log.alh(1n), alh);
  assert.equal(store.latest(plainKey(utf8("k")))?.txId, 1n);
  assert.equal(await codeOf(() => store.commit(setOf(["k", "3"]))), "read_only", "a restart tells what is there");
});
