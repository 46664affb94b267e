// A disk that is really full, at each phase of a store's life: every write gets a definite answer, nothing that was
// acknowledged is missing and nothing that was refused is there, and when space returns the store works on.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { equalBytes, utf8 } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/observe.ts";
import { systemRandom } from "../../src/base/random.ts";
import { plainKey, plainValue } from "../../src/proof/keys.ts";
import { DiskSpace, freeSpaceOf } from "../../src/store/disk-space.ts";
import { diskPlace, type StorePlace } from "../../src/store/place.ts";
import type { Store } from "../../src/store/store.ts";
import { type OpenStore, onDisk } from "../unit/store/support.ts";
import { onSmallDisk, type SmallDisk } from "./small-disk.ts";

const DISK_MIB = 24;
const VALUE_BYTES = 20_000;
const MIB = 1024 * 1024;
/** What a write on a full disk is answered by. */
const DEFINITE = ["disk_low", "none", "write_failed"];

/** How a full disk is reported by what is not a write of a user. */
const FULL = /^(ENOSPC|disk_low|write_failed)$/;

const keyOf = (name: string): Uint8Array => plainKey(utf8(name));
const valueFor = (name: string): Uint8Array => plainValue(utf8(`${name} `.repeat(VALUE_BYTES / (name.length + 1))));

/** The code of the error that `run` rejects with, of the system's errors too; "none" when it does not. */
async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "none";
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

/** Writers that remember what they were told. */
class Ledger {
  readonly acknowledged: string[] = [];
  readonly refused: string[] = [];
  readonly codes = new Set<string>();

  async write(store: Store, name: string): Promise<string> {
    const entries = [{ key: keyOf(name), value: valueFor(name), metadata: undefined }];
    const code = await codeOf(() => store.commit({ entries, preconditions: [], metadata: undefined }));
    (code === "none" ? this.acknowledged : this.refused).push(name);
    this.codes.add(code);
    return code;
  }

  /** Groups of eight until one of them fails. */
  async writeUntilFull(store: Store, prefix: string): Promise<void> {
    for (let round = 0; round < 1000; round++) {
      const names = Array.from({ length: 8 }, (_, i) => `${prefix} ${round}.${i}`);
      const codes = await Promise.all(names.map((name) => this.write(store, name)));
      if (codes.some((code) => code !== "none")) return;
    }
    assert.fail("the disk was never full");
  }

  /** Everything acknowledged is there, byte for byte; nothing refused is. */
  check(store: Store): void {
    for (const name of this.acknowledged) {
      const version = store.latest(keyOf(name));
      assert.ok(version !== undefined, `${name} was acknowledged and is missing`);
      const { value } = store.log.entry(version.txId, version.entry, keyOf(name));
      assert.ok(equalBytes(value, valueFor(name)), name);
    }
    for (const name of this.refused)
      assert.equal(store.latest(keyOf(name)), undefined, `${name} was refused and is there`);
    assert.equal(store.committed.txId, BigInt(this.acknowledged.length));
    for (let txId = 1n; txId <= store.committed.txId; txId++) store.log.checkedRecord(txId);
  }
}

/** Waits until the index has caught up; a batch that failed is tried again after a second. */
async function indexed(store: Store): Promise<void> {
  for (let waits = 0; store.indexed < store.committed.txId; waits++) {
    assert.ok(waits < 100, "the index does not catch up");
    await setTimeout(50);
  }
}

for (const valuesInSegments of [false, true]) {
  describe(`a full disk, values ${valuesInSegments ? "in segments" : "in the log"}`, () => {
    const opener = (disk: SmallDisk): OpenStore => {
      const directory = join(disk.path, "db");
      const place = (): StorePlace => diskPlace(directory, systemRandom);
      return (options) => onDisk(directory)({ place: place(), valuesInSegments, ...options });
    };

    test("while writing: definite answers, reads go on, and writes and index too when space returns", (t) =>
      onSmallDisk(t, DISK_MIB, async (disk) => {
        const open = opener(disk);
        const ledger = new Ledger();
        let store = await open();
        for (let round = 0; round < 4; round++) {
          disk.fill(Math.min(DISK_MIB * MIB - 1_000_000 * round, 2_000_000));
          await ledger.writeUntilFull(store, `round ${round}`);
          disk.fill();
          for (let i = 0; i < 5; i++) await ledger.write(store, `full ${round}.${i}`);
          ledger.check(store);
          disk.empty();
          assert.equal(await ledger.write(store, `again ${round}`), "none");
          await indexed(store);
          ledger.check(store);
        }
        for (const code of ledger.codes) assert.ok(DEFINITE.includes(code), code);
        assert.ok(ledger.codes.size > 1, "it was full");
        await store.close();
        store = await open();
        ledger.check(store);
        await store.close();
      }));

    test("while opening: an error that says so, and an open store when space returns", (t) =>
      onSmallDisk(t, DISK_MIB, async (disk) => {
        const open = opener(disk);
        disk.fill();
        assert.match(await codeOf(open), FULL, "a new one");
        disk.empty();
        const ledger = new Ledger();
        let store = await open();
        for (let i = 0; i < 20; i++) await ledger.write(store, `before ${i}`);
        await store.close();
        for (const leftBytes of [0, 4096, 40_000]) {
          await rm(join(disk.path, "db", "index"), { recursive: true });
          disk.fill(leftBytes);
          assert.match(await codeOf(open), FULL, `${leftBytes} bytes are free`);
          disk.empty();
          store = await open();
          ledger.check(store);
          await store.close();
        }
      }));

    test("while closing: what was acknowledged is there when it is opened again", (t) =>
      onSmallDisk(t, DISK_MIB, async (disk) => {
        const open = opener(disk);
        const ledger = new Ledger();
        const store = await open();
        disk.fill(DISK_MIB * MIB - 16 * MIB);
        await ledger.writeUntilFull(store, "until it is full");
        disk.fill();
        await store.close();
        disk.empty();
        const again = await open();
        ledger.check(again);
        assert.equal(await ledger.write(again, "again"), "none");
        await again.close();
      }));

    test("while truncating: nothing is lost that was to stay, and the bytes go when space returns", (t) =>
      onSmallDisk(t, DISK_MIB, async (disk) => {
        const open = opener(disk);
        const ledger = new Ledger();
        const store = await open();
        for (let i = 1; i <= 40; i++) await ledger.write(store, `value ${i}`);
        await store.settled();
        disk.fill();
        const code = await codeOf(() => store.truncateBefore(21n));
        assert.match(code, new RegExp(`${FULL.source}|none`));
        for (let txId = 21n; txId <= 40n; txId++) assert.equal(store.log.value(txId, 0)[0], 0);
        disk.empty();
        await store.truncateBefore(21n);
        for (let txId = 1n; txId <= 40n; txId++) {
          store.log.checkedRecord(txId);
          assert.equal(await codeOf(() => store.log.value(txId, 0)), txId < 21n ? "value_truncated" : "none");
        }
        assert.equal(await ledger.write(store, "again"), "none");
        await store.close();
        const again = await open();
        assert.equal(again.truncatedBefore, 21n);
        await again.close();
      }));

    test("with a watermark the disk is never full: writes are refused before, and taken again by themselves", (t) =>
      onSmallDisk(t, DISK_MIB, async (disk) => {
        const free = freeSpaceOf(disk.path);
        // Looks at every write: these are small against the pause between two looks.
        const time = { nowMs: (): number => performance.now() * 1_000_000 };
        const space = new DiskSpace({ free, watermarkBytes: 4 * MIB, clock: time, logger: silentLogger });
        const store = await opener(disk)({ space });
        const ledger = new Ledger();
        disk.fill(12 * MIB);
        await ledger.writeUntilFull(store, "until it is low");
        await indexed(store);
        assert.deepEqual([...ledger.codes].sort(), ["disk_low", "none"]);
        assert.ok(disk.freeBytes > 2 * MIB, `${disk.freeBytes} bytes are left`);
        ledger.check(store);
        disk.empty();
        assert.equal(await ledger.write(store, "again"), "none");
        await store.close();
      }));
  });
}
