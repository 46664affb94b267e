import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { encodeVersion, LATEST_TABLE, META_TABLE } from "../../../src/store/layout.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, inDirectory, onDisk, onSimulatedDisk, setOf, turns } from "./support.ts";

const KEY = plainKey(utf8("k"));

/** Gives a key another revision in the index of a closed store: whoever reads it has trusted the index as it was. */
async function touchIndex(directory: string, revision: bigint): Promise<void> {
  const engine = await lmdbDriver.open(join(directory, "index"), { durable: true });
  const row = encodeVersion(KEY, { txId: 1n, entry: 0, revision, metadata: undefined });
  await engine.write((batch) => batch.put(engine.table(LATEST_TABLE), KEY, row));
  await engine.close();
}

describe("opening a store", () => {
  test("makes a directory that only its owner may enter, and marks it while it is open", () =>
    inDirectory(async (parent) => {
      const directory = join(parent, "deep", "down");
      const store = await onDisk(directory)();
      assert.equal(statSync(directory).mode & 0o777, 0o700);
      assert.ok(existsSync(join(directory, "open")));
      assert.equal(store.committed.txId, 0n);
      assert.equal(store.latest(KEY), undefined);
      await store.close();
      assert.ok(!existsSync(join(directory, "open")));
    }));

  test("is refused while another one has it open", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      assert.equal(await codeOf(onDisk(directory)), "locked");
      await store.commit(setOf(["k", "v"]));
      await store.close();
      await (await onDisk(directory)()).close();
    }));

  test("that fails gives everything back", () =>
    inDirectory(async (directory) => {
      await (await onDisk(directory)()).close();
      const write = async (format: number): Promise<void> => {
        const engine = await lmdbDriver.open(join(directory, "log"), { durable: true });
        await engine.write((batch) =>
          batch.put(engine.table(META_TABLE), utf8("format"), Uint8Array.of(0, 0, 0, format)),
        );
        await engine.close();
      };
      await write(9);
      for (let i = 0; i < 3; i++) assert.equal(await codeOf(onDisk(directory)), "format_unsupported");
      await write(1);
      await (await onDisk(directory)()).close();
    }));

  test("shows nothing that a power cut could still take, although the process died before it was synced", async () => {
    let lost = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const disk = new SimulatedDisk({ random });
      const open = onSimulatedDisk(disk);
      const store = await open();
      void store.commit(setOf(["k", "v"]));
      await turns(random.below(8));
      disk.crash("process");
      const shown = (await open()).committed.txId;
      disk.crash("machine");
      const kept = (await open()).committed.txId;
      assert.equal(kept, shown, `seed ${seed}`);
      if (kept === 0n) lost++;
    }
    assert.ok(lost > 0 && lost < 40, "the process died before and after the write");
  });

  test("after the process died trusts an index that matches the log; after the machine went down makes it anew", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await store.commit(setOf(["k", "v"]));
      await store.settled();
      const marker = readFileSync(join(directory, "open"), "utf8");
      await store.close();
      await touchIndex(directory, 7n);

      writeFileSync(join(directory, "open"), marker);
      const afterDeath = await onDisk(directory)();
      assert.equal(afterDeath.latest(KEY)?.revision, 7n);
      await afterDeath.close();

      writeFileSync(join(directory, "open"), "another boot");
      const afterPowerCut = await onDisk(directory)();
      assert.equal(afterPowerCut.latest(KEY)?.revision, 1n);
      await afterPowerCut.close();
      assert.ok(!existsSync(join(directory, "open")));
    }));
});
