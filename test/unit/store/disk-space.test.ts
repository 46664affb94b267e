// The low-disk watermark with free space and time in the test's hands.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DISK_LOOK_EVERY_BYTES, DISK_LOOK_EVERY_MS } from "../../../src/base/limits.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { DiskSpace, type FreeSpace, freeSpaceOf } from "../../../src/store/disk-space.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { TestTime } from "../../support/test-time.ts";
import { codeOf, inDirectory, onDisk, setOf } from "./support.ts";

const WATERMARK = 1000;

/** A disk whose free space the test sets, and that counts how often it is asked. */
class TestDisk implements FreeSpace {
  free: number | undefined = WATERMARK;
  asked = 0;
  bytes(): number | undefined {
    this.asked++;
    return this.free;
  }
}

function onTestDisk(watermarkBytes = WATERMARK): { disk: TestDisk; time: TestTime; space: DiskSpace; told: string[] } {
  const disk = new TestDisk();
  const time = new TestTime();
  const told: string[] = [];
  const tell = (_fields: unknown, message: string) => void told.push(message);
  const logger = { ...silentLogger, error: tell, info: tell };
  return { disk, time, told, space: new DiskSpace({ free: disk, watermarkBytes, clock: time, logger }) };
}

test("a write below the watermark is refused with what is free, the limit and the setting that changes it", () => {
  const { disk, space } = onTestDisk();
  disk.free = WATERMARK - 1;
  assert.throws(
    () => space.requireRoom(1),
    (error) =>
      error instanceof StoreError &&
      error.code === "disk_low" &&
      error.data["freeBytes"] === 999 &&
      /999 bytes are free, and below 1000 \(disk-low-watermark\)/.test(error.message),
  );
});

test("space that returns is noticed within a second, and both turns are told once", () => {
  const { disk, time, space, told } = onTestDisk();
  disk.free = 0;
  for (let i = 0; i < 5; i++) assert.throws(() => space.requireRoom(DISK_LOOK_EVERY_BYTES));
  assert.equal(disk.asked, 1, "a refused write writes nothing: only time brings the next look");
  disk.free = WATERMARK;
  time.pass(DISK_LOOK_EVERY_MS - 1);
  assert.throws(() => space.requireRoom(1));
  time.pass(1);
  space.requireRoom(1);
  assert.equal(told.length, 2);
});

test("the disk is asked once a second, and sooner when much is written", () => {
  const { disk, time, space } = onTestDisk();
  for (let i = 0; i < 1000; i++) space.requireRoom(1);
  assert.equal(disk.asked, 1);
  space.requireRoom(DISK_LOOK_EVERY_BYTES);
  assert.equal(disk.asked, 2);
  time.pass(DISK_LOOK_EVERY_MS);
  space.requireRoom(1);
  assert.equal(disk.asked, 3);
  time.set(-864_000_000);
  space.requireRoom(1);
  assert.equal(disk.asked, 4, "a clock that was set back does not stop it");
});

test("a watermark of 0, and a disk that does not tell, refuse nothing", () => {
  const off = onTestDisk(0);
  off.disk.free = 0;
  off.space.requireRoom(1);
  assert.equal(off.disk.asked, 0);
  const silent = onTestDisk();
  silent.disk.free = undefined;
  silent.space.requireRoom(1);
});

test("a real file system tells how much is free, a missing one does not", () =>
  inDirectory(async (directory) => {
    const free = freeSpaceOf(directory).bytes();
    assert.ok(free !== undefined && free > 0);
    assert.equal(freeSpaceOf(`${directory}/missing`).bytes(), undefined);
  }));

test("a store refuses writes while its disk is low, answers reads, and takes writes again by itself", () =>
  inDirectory(async (directory) => {
    const { disk, time, space } = onTestDisk();
    await using store = await onDisk(directory)({ space, clock: time });
    await store.commit(setOf(["a", "1"]));
    disk.free = 0;
    time.pass(DISK_LOOK_EVERY_MS);
    assert.equal(await codeOf(() => store.commit(setOf(["b", "2"]))), "disk_low");
    assert.equal(store.committed.txId, 1n);
    assert.equal(store.log.value(1n, 0).length, 2);
    disk.free = WATERMARK;
    time.pass(DISK_LOOK_EVERY_MS);
    assert.equal((await store.commit(setOf(["b", "2"]))).id, 2n);
  }));
