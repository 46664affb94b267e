import assert from "node:assert/strict";
import { test } from "node:test";
import { inDirectory, onDisk, setOf } from "./support.ts";

test("scans that stop early leave no reader behind, however many there are", () =>
  inDirectory(async (directory) => {
    await using store = await onDisk(directory)();
    await store.commit(setOf(["a", "1"], ["b", "2"], ["c", "3"]));
    await store.settled();
    // LMDB has room for 126 readers.
    for (let i = 0; i < 300; i++) {
      for (const { version } of store.scan({ from: undefined, to: undefined, reverse: i % 2 === 1 })) {
        assert.ok(version.txId > 0n);
        break;
      }
      if (i % 2 === 0) await store.commit(setOf(["b", String(i)]));
      await store.settled();
    }
    assert.equal([...store.scan({ from: undefined, to: undefined, reverse: false })].length, 3);
  }));
