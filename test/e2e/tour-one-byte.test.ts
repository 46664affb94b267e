import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { changeOneByte } from "../../scripts/tour/one-byte.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { codeOf, inDirectory, onDisk, setOf } from "../unit/store/support.ts";

const VALUE = "a value that is found nowhere else";

test("one byte is changed, and it is the one that is read, however many left-over copies there are", () =>
  inDirectory(async (directory) => {
    const open = onDisk(directory);
    const before = await open();
    await before.commit(setOf(["key", VALUE]));
    // Each of these rewrites the page that the first one is on, and leaves a copy of it behind.
    for (let i = 0; i < 20; i++) await before.commit(setOf([`neighbour ${i}`, "x".repeat(100)]));
    await before.close();
    const file = join(directory, "log", "data.mdb");
    const intact = await readFile(file);

    const changed = await changeOneByte(directory, 1n, utf8(VALUE), 5);
    assert.ok(changed.staleCopies > 0, "the page was copied");
    const damaged = await readFile(file);
    const different = [...damaged.keys()].filter((offset) => damaged[offset] !== intact[offset]);
    assert.deepEqual(different, [changed.offset]);
    assert.equal(intact[changed.offset], changed.from);
    assert.equal(damaged[changed.offset], changed.to);

    const after = await open();
    assert.equal(await codeOf(() => after.log.value(1n, 0)), "damaged");
    for (let txId = 2n; txId <= 21n; txId++) assert.equal(after.log.value(txId, 0).length, 101);
    await after.close();
  }));

test("a value that is not there is not looked for elsewhere", () =>
  inDirectory(async (directory) => {
    const store = await onDisk(directory)();
    await store.commit(setOf(["key", VALUE]));
    await store.commit(setOf(["other", "another value"]));
    await store.close();
    await assert.rejects(changeOneByte(directory, 2n, utf8(VALUE), 5), /transaction 2 does not hold the value/);
  }));
