// Truncation: bytes really go (the files are searched for them), digests and proofs stay, and a crash in between loses nothing.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { equalBytes, utf8 } from "../../../src/base/bytes.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { entriesRoot } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import { StoreError } from "../../../src/store/errors.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TxSpec } from "../../../src/store/tx-spec.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { inDirectory, onDisk, onSimulatedDisk } from "./support.ts";

const TXS = 30;
/** Each value is found by its text; small, over a part's inline limit, and over a piece. */
const text = (tx: number, entry: number): string => `secret-${tx}-${entry}-of-the-value`;
const storeValue = (tx: number, entry: number): Uint8Array => {
  const padding = [0, 400, 5000, tx === 7 ? 1_200_000 : 10][entry % 4] as number;
  return plainValue(utf8(text(tx, entry) + "x".repeat(padding)));
};
const keyOf = (tx: number, entry: number): Uint8Array => plainKey(utf8(`key-${tx}-${entry}`));
const entriesOf = (tx: number): number => (tx % 5 === 0 ? 40 : tx % 3 === 0 ? 4 : 1);

async function fill(store: Store): Promise<void> {
  for (let tx = 1; tx <= TXS; tx++) {
    const entries = Array.from({ length: entriesOf(tx) }, (_, entry) => ({
      key: keyOf(tx, entry),
      value: storeValue(tx, entry),
      metadata: undefined,
    }));
    const spec: TxSpec = { entries, preconditions: [], metadata: undefined };
    await store.commit(spec);
  }
  await store.settled();
}

/** Whether a text is in any file below a directory. */
async function holds(directory: string, needle: string): Promise<boolean> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && (await readFile(join(entry.parentPath, entry.name))).includes(needle)) return true;
  }
  return false;
}

function checkReads(store: Store, before: number): void {
  for (let tx = 1; tx <= TXS; tx++) {
    for (let entry = 0; entry < entriesOf(tx); entry++) {
      const read = (): Uint8Array => store.log.entry(BigInt(tx), entry, keyOf(tx, entry)).value;
      if (tx >= before) assert.ok(equalBytes(read(), storeValue(tx, entry)), `value ${tx}/${entry}`);
      else
        assert.throws(
          read,
          (error) =>
            error instanceof StoreError &&
            error.code === "value_truncated" &&
            error.message.includes(`transaction ${tx}`),
        );
    }
  }
}

function checkProofs(store: Store): void {
  const { log, committed } = store;
  for (let txId = 1n; txId <= committed.txId; txId++) {
    const record = log.checkedRecord(txId);
    const digests = log.entries(txId, record).map((entry) => entryDigest(entry, record.header.version));
    assert.ok(equalBytes(entriesRoot(digests), record.header.eh), `entries of ${txId}`);
    verifyDualProof(
      buildDualProof(record.header, log.header(committed.txId), log),
      txId,
      committed.txId,
      record.alh,
      committed.alh,
    );
  }
}

for (const valuesInSegments of [true, false]) {
  describe(`truncation of values kept ${valuesInSegments ? "in segments" : "in the log"}`, () => {
    test("removes the bytes of earlier values from every file and keeps the later ones, their proofs and the chain", () =>
      inDirectory(async (directory) => {
        const open = onDisk(directory);
        let store = await open({ valuesInSegments });
        await fill(store);
        assert.equal(await holds(directory, text(3, 0)), true, "the search finds what is there");
        await store.truncateBefore(11n);
        for (let tx = 1; tx <= TXS; tx++) {
          for (let entry = 0; entry < entriesOf(tx); entry++) {
            assert.equal(await holds(directory, text(tx, entry)), tx >= 11, text(tx, entry));
          }
        }
        checkReads(store, 11);
        checkProofs(store);
        await store.commit({
          entries: [{ key: plainKey(utf8("later")), value: plainValue(utf8("later")), metadata: undefined }],
          preconditions: [],
          metadata: undefined,
        });
        await store.truncateBefore(11n);
        await store.truncateBefore(5n);
        await store.truncateBefore(20n);
        checkReads(store, 20);
        await store.close();
        store = await open({ valuesInSegments });
        assert.equal(store.truncatedBefore, 20n);
        checkReads(store, 20);
        checkProofs(store);
        assert.equal(await holds(directory, text(19, 0)), false);
        await store.close();
      }));

    test("lets commits and reads go on meanwhile", () =>
      inDirectory(async (directory) => {
        const store = await onDisk(directory)({ valuesInSegments });
        await fill(store);
        const writes = Array.from({ length: 200 }, (_, i) =>
          store.commit({
            entries: [
              { key: plainKey(utf8(`meanwhile ${i}`)), value: plainValue(utf8(`value ${i}`)), metadata: undefined },
            ],
            preconditions: [],
            metadata: undefined,
          }),
        );
        const truncating = store.truncateBefore(25n);
        for (let i = 0; i < 50; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          assert.ok(equalBytes(store.log.entry(30n, 0, keyOf(30, 0)).value, storeValue(30, 0)));
        }
        const headers = await Promise.all(writes);
        await truncating;
        headers.forEach((header, i) => {
          assert.ok(equalBytes(store.log.value(header.id, 0), plainValue(utf8(`value ${i}`))));
        });
        checkReads(store, 25);
        checkProofs(store);
        await store.close();
      }));

    test("survives a power cut at any moment of it: the later values stay, the earlier ones go at the next start", async () => {
      for (let seed = 1; seed <= 60; seed++) {
        const random = new SeededRandom(seed);
        const disk = new SimulatedDisk({ random });
        const open = onSimulatedDisk(disk);
        const store = await open({ valuesInSegments });
        await fill(store);
        let finished = false;
        void store.truncateBefore(11n).then(() => {
          finished = true;
        });
        for (let turns = random.below(60); turns > 0 && !finished; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        disk.crash();
        const again = await open({ valuesInSegments });
        assert.ok(again.truncatedBefore === 11n || !finished, `seed ${seed}`);
        checkReads(again, Number(again.truncatedBefore));
        checkProofs(again);
        await again.truncateBefore(11n);
        checkReads(again, 11);
        await again.close();
      }
    });
  });
}

test("only values before a committed transaction can be truncated", () =>
  inDirectory(async (directory) => {
    const store = await onDisk(directory)();
    await fill(store);
    for (const txId of [0n, BigInt(TXS) + 1n]) {
      await assert.rejects(
        store.truncateBefore(txId),
        (error) => error instanceof StoreError && error.code === "illegal_arguments",
      );
    }
    await store.close();
  }));

test("a database that stops keeping values in segments still reads those it has there, and truncates both", () =>
  inDirectory(async (directory) => {
    const open = onDisk(directory);
    const first = await open({ valuesInSegments: true });
    await fill(first);
    await first.close();
    const second = await open({ valuesInSegments: false });
    checkReads(second, 1);
    await second.commit({
      entries: [
        { key: plainKey(utf8("inline")), value: plainValue(utf8("kept in the log itself")), metadata: undefined },
      ],
      preconditions: [],
      metadata: undefined,
    });
    await second.commit({
      entries: [{ key: plainKey(utf8("last")), value: plainValue(utf8("the last one")), metadata: undefined }],
      preconditions: [],
      metadata: undefined,
    });
    await second.truncateBefore(second.committed.txId);
    assert.equal(await holds(directory, "kept in the log itself"), false);
    assert.equal(await holds(directory, text(30, 0)), false);
    assert.equal(await holds(directory, "the last one"), true);
    await second.close();
  }));
