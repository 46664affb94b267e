// Transactions that were made elsewhere: taken in as the very same, or refused by name.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concat, toHex, utf8 } from "../../../src/base/bytes.ts";
import { ARRIVAL_WAIT_MS } from "../../../src/base/limits.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { EntriesTree } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { encodeExportedTx, type TxToExport } from "../../../src/proof/exported-tx.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { KvMetadata, TxEntry } from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { txToExport } from "../../../src/store/export.ts";
import { encodeTxIdRow, WITHHELD_ROW } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TxSpec } from "../../../src/store/tx-spec.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { MemoryLedger } from "../proof/memory-ledger.ts";
import { codeOf, inDirectory, onDisk, onSimulatedDisk, SETTINGS, setOf, turns } from "./support.ts";
import { CopiedRows } from "./verify-support.ts";

const NOBODY = undefined;
const LONG = "x".repeat(3 << 20);

async function exported(store: Store, txId: bigint, unchecked = false): Promise<Uint8Array> {
  const tx = txToExport(store.log, txId, unchecked);
  await tx.check(new AbortController().signal);
  return concat(...encodeExportedTx(tx));
}

function blobOf(tx: TxToExport): Uint8Array {
  return concat(...encodeExportedTx(tx));
}

const METADATA: KvMetadata = { deleted: false, expiresAt: 2_000_000_000n, nonIndexable: false };

/** Transactions of every kind: small, of many entries, with long values, with metadata. */
function specs(): TxSpec[] {
  const many = setOf(...Array.from({ length: 70 }, (_, i): [string, string] => [`many ${i}`, "y".repeat(i * 9)]));
  const withMetadata = { key: plainKey(utf8("e")), value: plainValue(utf8("v")), metadata: METADATA };
  const hidden = { key: plainKey(utf8("h")), value: new Uint8Array(0), metadata: { ...METADATA, nonIndexable: true } };
  return [
    setOf(["k", "1"]),
    many,
    setOf(["long", LONG], ["k", "2"]),
    { entries: [withMetadata, hidden], preconditions: [], metadata: { truncatedUptoTx: 2n, extra: utf8("who") } },
    setOf(["k", "3"]),
  ];
}

async function filled(options: Parameters<ReturnType<typeof onSimulatedDisk>>[0] = {}): Promise<Store> {
  const store = await onSimulatedDisk()(options);
  for (const spec of specs()) await store.commit(spec);
  return store;
}

/** What is refused, and by which check. */
async function checkOf(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
    return "none";
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error.data["check"] ?? error.code;
  }
}

describe("a transaction that was made elsewhere", () => {
  test("becomes the very same here, values and proofs too, and stays it (LMDB)", () =>
    inDirectory(async (directory) => {
      await using source = await filled();
      const open = onDisk(directory);
      const replica = await open();
      for (let txId = 1n; txId <= 5n; txId++) {
        const { header, alreadyPresent } = await replica.adopt(await exported(source, txId), false, NOBODY);
        assert.deepEqual(header, source.log.header(txId));
        assert.equal(alreadyPresent, false);
      }
      assert.deepEqual(replica.committed, source.committed);
      assert.equal(replica.latest(plainKey(utf8("k")))?.revision, 3n);
      assert.equal(replica.latest(plainKey(utf8("h"))), undefined);
      await replica.settled();
      await replica.close();
      await using again = await open();
      for (let txId = 1n; txId <= 5n; txId++) {
        assert.deepEqual(await exported(again, txId), await exported(source, txId));
        const [one, last] = [again.log.header(txId), again.log.header(5n)];
        verifyDualProof(buildDualProof(one, last, again.log), txId, 5n, alh(one), alh(last));
      }
      assert.equal((await again.commit(setOf(["k", "own"]))).id, 6n);
    }));

  test("may be here already: the same one is known again, another one is a second history", async () => {
    await using source = await filled();
    await using replica = await onSimulatedDisk()();
    const blob = await exported(source, 1n);
    const [first, second] = await Promise.all([replica.adopt(blob, false, NOBODY), replica.adopt(blob, false, NOBODY)]);
    assert.equal(first.alreadyPresent, false);
    assert.equal(second.alreadyPresent, true);
    assert.equal((await replica.adopt(blob, false, NOBODY)).alreadyPresent, true);
    await using other = await onSimulatedDisk()();
    await other.commit(setOf(["k", "another"]));
    assert.equal(await codeOf(async () => replica.adopt(await exported(other, 1n), false, NOBODY)), "tx_diverged");
    assert.equal(replica.committed.txId, 1n);
  });

  test("finds its place whatever the order in which many come, and they share syncs", async () => {
    await using source = await onSimulatedDisk()();
    for (let i = 0; i < 40; i++) await source.commit(setOf(["k", String(i)]));
    const random = new SeededRandom(7);
    let syncs = 0;
    const disk = new SimulatedDisk({
      random: new SeededRandom(1),
      fault: () => {
        syncs++;
        return "none";
      },
    });
    await using replica = await onSimulatedDisk(disk)();
    const order = Array.from({ length: 40 }, (_, i) => BigInt(i + 1));
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [order[j] as bigint, order[i] as bigint];
    }
    syncs = 0;
    const arrived = await Promise.all(
      order.map(async (txId) => replica.adopt(await exported(source, txId), false, NOBODY)),
    );
    assert.deepEqual(
      arrived.map(({ header }) => header.id),
      order,
    );
    assert.deepEqual(replica.committed, source.committed);
    assert.ok(syncs < 10, `${syncs} syncs`);
  });

  test("waits for those before it, but not for ever, not for any number, and not when nobody waits for it", async () => {
    await using source = await filled();
    const timers: (() => void)[] = [];
    const after = (ms: number, action: () => void): (() => void) => {
      if (ms === ARRIVAL_WAIT_MS) timers.push(action);
      return () => undefined;
    };
    await using replica = await onSimulatedDisk()({ timers: { after }, foreignTxsAheadMax: 2 });
    const [blob1, blob2, blob3, blob5] = (await Promise.all(
      [1n, 2n, 3n, 5n].map((txId) => exported(source, txId)),
    )) as Uint8Array[];
    assert.equal(await codeOf(() => replica.adopt(blob5 as Uint8Array, false, NOBODY)), "foreign_tx_ahead");
    const late = replica.adopt(blob2 as Uint8Array, false, NOBODY);
    const given = new AbortController();
    const left = replica.adopt(blob3 as Uint8Array, false, given.signal);
    given.abort();
    await assert.rejects(left, { code: "foreign_tx_ahead", data: { txId: 3n, expected: 1n } });
    for (const fire of timers) fire();
    await assert.rejects(late, { code: "foreign_tx_ahead" });
    await replica.adopt(blob1 as Uint8Array, false, NOBODY);
    assert.equal(replica.committed.txId, 1n);
  });

  test("is refused by the check that it fails, and changes nothing", async () => {
    await using source = await filled();
    await using replica = await onSimulatedDisk()();
    await replica.adopt(await exported(source, 1n), false, NOBODY);
    const genuine = txToExport(source.log, 2n, false);
    const { header, entries } = genuine;
    const refused = async (check: string, change: Partial<TxToExport>, trusted = false): Promise<void> => {
      assert.equal(await checkOf(replica.adopt(blobOf({ ...genuine, ...change }), trusted, NOBODY)), check);
      assert.equal(replica.precommitted.txId, 1n);
    };
    const other = sha256(utf8("other"));
    /** A header that fits changed entries: only its place in the history is left to be wrong. */
    const fitting = (changed: readonly TxEntry[]): Partial<TxToExport> => ({
      entries: changed,
      header: { ...header, eh: new EntriesTree(changed.map((entry) => entryDigest(entry, 1))).root },
    });
    await refused("entries_root", { header: { ...header, eh: other } });
    await refused("prev_alh", { header: { ...header, prevAlh: other } });
    await refused("prev_alh", { header: { ...header, prevAlh: other } }, true);
    await refused("bl_root", { header: { ...header, blRoot: other } });
    await refused("bl_root", { header: { ...header, blTxId: 0n } });
    await refused("bl_root", { header: { ...header, blRoot: other } }, true);
    await refused("entries_root", { entries: [...entries].reverse(), storeValue: (i) => genuine.storeValue(69 - i) });
    await refused("record_malformed", { header: { ...header, metadata: { truncatedUptoTx: 0n, extra: undefined } } });
    const [one, two, ...rest] = entries as [TxEntry, TxEntry, ...TxEntry[]];
    await refused("duplicate_key", fitting([one, { ...two, key: one.key }, ...rest]));
    await refused("store_key_malformed", fitting([{ ...one, key: utf8("zz") }, two, ...rest]));
    await refused("store_key_malformed", fitting([{ ...one, key: Uint8Array.of(1, 2) }, two, ...rest]));
    await refused("key_too_long", fitting([{ ...one, key: new Uint8Array(1025) }, two, ...rest]));
    assert.equal(await checkOf(replica.adopt(new Uint8Array(0), false, NOBODY)), "exported_tx_malformed");
    assert.equal(
      await checkOf(replica.adopt((await exported(source, 2n)).subarray(1), false, NOBODY)),
      "exported_tx_malformed",
    );
    const small = { ...SETTINGS, maxTxEntries: 69, maxValueLen: 100 };
    await using limited = await onSimulatedDisk()({ settings: small });
    await limited.adopt(await exported(source, 1n), false, NOBODY);
    assert.equal(
      await codeOf(async () => limited.adopt(await exported(source, 2n), false, NOBODY)),
      "too_many_entries",
    );
    assert.equal(await codeOf(async () => limited.adopt(await exported(source, 3n), false, NOBODY)), "value_too_long");
    await replica.adopt(await exported(source, 2n), false, NOBODY);
    assert.equal(toHex(replica.committed.alh), toHex(source.log.alh(2n)));
  });

  test("under header version 0 cannot have metadata", async () => {
    const settings = { ...SETTINGS, writeTxHeaderVersion: 0 };
    await using source = await onSimulatedDisk()({ settings });
    await source.commit(setOf(["k", "v"]));
    await using replica = await onSimulatedDisk()();
    const genuine = txToExport(source.log, 1n, false);
    const entries = genuine.entries.map((entry) => ({ ...entry, metadata: METADATA }));
    assert.equal(await checkOf(replica.adopt(blobOf({ ...genuine, entries }), false, NOBODY)), "metadata_unsupported");
    await replica.adopt(blobOf(genuine), false, NOBODY);
    assert.deepEqual(replica.committed, source.committed);
  });

  test("is taken in without its entries root by who trusts its source, with the same Alh", async () => {
    await using source = await filled();
    await using replica = await onSimulatedDisk()();
    const blob = await exported(source, 1n, true);
    assert.equal(await checkOf(replica.adopt(blob, false, NOBODY)), "entries_root");
    await replica.adopt(blob, true, NOBODY);
    assert.equal(toHex(replica.committed.alh), toHex(source.log.alh(1n)));
  });

  test("may commit to an older history than the one before it, even one that is not on disk yet", async () => {
    const ledger = new MemoryLedger();
    const values = new Map<bigint, readonly Uint8Array[]>();
    for (let i = 1n; i <= 40n; i++) {
      const written = [{ key: plainKey(utf8("k")), value: plainValue(utf8(String(i))) }];
      const { id } = ledger.commit(written, { lag: Number((i * 7n) % 11n) });
      values.set(
        id,
        written.map(({ value }) => value),
      );
    }
    await using replica = await onSimulatedDisk()();
    const blobs = Array.from({ length: 40 }, (_, i) => {
      const header = ledger.header(BigInt(i + 1));
      const stored = values.get(header.id) as readonly Uint8Array[];
      const entries = stored.map((value) => {
        return { key: plainKey(utf8("k")), metadata: undefined, hValue: sha256(value), vLen: value.length };
      });
      return blobOf({ header, entries, truncated: false, storeValue: (at) => [stored[at] as Uint8Array] });
    });
    await Promise.all(blobs.map((blob) => replica.adopt(blob, false, NOBODY)));
    assert.equal(toHex(replica.committed.alh), toHex(ledger.alh(40n)));
  });

  test("without its values proves what it proved, and answers that they are gone", () =>
    inDirectory(async (directory) => {
      await using source = await filled();
      const originals = await Promise.all([1n, 2n, 3n, 4n, 5n].map((txId) => exported(source, txId)));
      await source.truncateBefore(5n);
      const withheld = await Promise.all([1n, 2n, 3n, 4n].map((txId) => exported(source, txId)));
      for (const blob of withheld) assert.equal(blob.at(-1), 1, "the flag says so");
      const open = onDisk(directory);
      const replica = await open();
      for (const blob of [...withheld, originals[4] as Uint8Array]) await replica.adopt(blob, false, NOBODY);
      assert.deepEqual(replica.committed, source.committed);
      await replica.settled();
      await replica.close();

      const copied = await CopiedRows.of(directory);
      const whole = await copied.verify();
      assert.deepEqual(whole.list, []);
      assert.match(whole.notCovered[0] ?? "", /^\d+ values that never came/);
      copied.logMeta.set(WITHHELD_ROW, encodeTxIdRow(WITHHELD_ROW, 1n));
      assert.ok((await copied.verify()).list.length > 0, "nothing says that they never came");

      await using again = await open();
      const long = again.latest(plainKey(utf8("long")));
      assert.equal(long?.txId, 3n);
      assert.equal(await codeOf(() => again.log.valueOf(3n, 0, plainKey(utf8("long")))), "value_truncated");
      assert.equal(again.log.valueOf(5n, 0, plainKey(utf8("k"))).length, 2);
      const record = again.log.checkedRecord(2n);
      const list = again.log.list(2n, record);
      assert.equal(again.log.inclusionProof(2n, list, plainKey(utf8("many 30"))).leaf, 30);
      assert.deepEqual(await exported(again, 2n), withheld[1]);
      // A truncation of its own goes over what was withheld without touching it.
      await again.truncateBefore(5n);
      assert.deepEqual(await exported(again, 2n), withheld[1]);
      assert.equal(await codeOf(() => again.log.valueOf(3n, 0, plainKey(utf8("long")))), "value_truncated");
    }));

  test("fails alone when the disk does, and is taken in when it comes again", async () => {
    await using source = await filled();
    let failing = false;
    const disk = new SimulatedDisk({ random: new SeededRandom(5), fault: () => (failing ? "lost" : "none") });
    await using replica = await onSimulatedDisk(disk)();
    failing = true;
    const lost = Promise.allSettled(
      [1n, 2n].map(async (txId) => replica.adopt(await exported(source, txId), false, NOBODY)),
    );
    await turns(5);
    for (const result of await lost) assert.equal(result.status, "rejected");
    failing = false;
    for (const txId of [1n, 2n, 3n]) await replica.adopt(await exported(source, txId), false, NOBODY);
    assert.equal(toHex(replica.committed.alh), toHex(source.log.alh(3n)));
  });
});
