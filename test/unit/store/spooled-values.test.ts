// Values that come by pieces: on the disk before their transaction, a segment with it, gone without it.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { concat, equalBytes, utf8 } from "../../../src/base/bytes.ts";
import { VALUE_SPOOL_MEMORY_BYTES_MAX, VALUE_SPOOLS_MAX } from "../../../src/base/limits.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { TxHeader } from "../../../src/proof/model.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import type { Store } from "../../../src/store/store.ts";
import type { ValueSpool } from "../../../src/store/value-spool.ts";
import { codeOf, hooked, inDirectory, onDisk, setOf } from "./support.ts";

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

type Pair = readonly [key: string, value: Uint8Array];

function bytesOf(length: number, seed = 1): Uint8Array {
  return new Uint8Array(length).map((_, i) => ((i >>> 9) + seed) % 251);
}

async function* pieces(value: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < value.length; at += 100_000) yield value.subarray(at, at + 100_000);
}

/** As it is received: what does not fit into memory goes to the disk. */
async function received(spool: ValueSpool, pairs: readonly Pair[]) {
  const entries = [];
  for (const [key, value] of pairs) {
    const kept = spool.takesMemory(value.length) ? plainValue(value) : await spool.add(value.length, pieces(value));
    entries.push({ key: plainKey(utf8(key)), value: kept, metadata: undefined });
  }
  return { entries, preconditions: [], metadata: undefined, spool };
}

async function streamed(store: Store, ...pairs: readonly Pair[]): Promise<TxHeader> {
  await using spool = store.spool();
  return await store.commit(await received(spool, pairs));
}

function valueUnder(store: Store, key: string): Uint8Array {
  const storeKey = plainKey(utf8(key));
  const version = store.latest(storeKey);
  assert.ok(version !== undefined);
  return store.log.valueOf(version.txId, version.entry, storeKey).subarray(1);
}

async function byPieces(store: Store, key: string, between: () => void = () => undefined): Promise<Uint8Array> {
  const storeKey = plainKey(utf8(key));
  const version = store.latest(storeKey);
  assert.ok(version !== undefined);
  const source = store.log.valueSource(version.txId, version.entry, storeKey);
  await source.check(NEVER);
  between();
  const all = concat(...source.pieces());
  assert.equal(all.length, source.length);
  return all.subarray(1);
}

function filesOf(directory: string): string[] {
  const values = join(directory, "values");
  return existsSync(values) ? readdirSync(values).sort() : [];
}

const segmentOf = (txId: number): string => `${txId.toString(16).padStart(16, "0")}.seg`;

const PAIRS: readonly Pair[] = [
  ["short", utf8("in memory")],
  ["empty", new Uint8Array(0)],
  ["long", bytesOf(3 * MIB + 5, 2)],
  ["late", utf8("short, and the memory has room for it")],
  ["longer", bytesOf(MIB + 1, 3)],
];

for (const valuesInSegments of [false, true]) {
  describe(`values that come by pieces, others ${valuesInSegments ? "in segments" : "in the log"}`, () => {
    test("are read as any others, whole and by pieces, also after a restart, and make the same transaction", () =>
      inDirectory(async (directory) => {
        const open = onDisk(directory);
        let store = await open({ valuesInSegments });
        await store.commit(setOf(["before", "before"]));
        const header = await streamed(store, ...PAIRS);
        await store.commit(setOf(["after", "after"]));
        const entries = PAIRS.map(([key, value]) => ({
          key: plainKey(utf8(key)),
          value: plainValue(value),
          metadata: undefined,
        }));
        const whole = await store.commit({ entries, preconditions: [], metadata: undefined });
        assert.deepEqual(whole.eh, header.eh);
        await streamed(store, ...PAIRS);
        for (const again of [false, true]) {
          if (again) store = await open({ valuesInSegments });
          for (const [key, value] of PAIRS) {
            assert.ok(equalBytes(valueUnder(store, key), value), key);
            if (value.length > 0) assert.ok(equalBytes(await byPieces(store, key), value), key);
            assert.ok(
              equalBytes(
                store.log.entriesWithValues(2n, store.log.record(2n))[2]?.value as Uint8Array,
                plainValue(bytesOf(3 * MIB + 5, 2)),
              ),
            );
          }
          assert.deepEqual(valueUnder(store, "before"), utf8("before"));
          assert.deepEqual(valueUnder(store, "after"), utf8("after"));
          await store.close();
        }
        assert.deepEqual(
          filesOf(directory).filter((name) => name !== segmentOf(1)),
          [segmentOf(2), segmentOf(5)],
        );
      }));

    test("are gone when their transaction is not made, and what an end of the process left goes with the next start", () =>
      inDirectory(async (directory) => {
        const open = onDisk(directory);
        let store = await open({ valuesInSegments });
        {
          await using spool = store.spool();
          await received(spool, PAIRS);
          assert.match(filesOf(directory).join(" "), /^spool-[0-9]+\.unfinished$/);
        }
        assert.deepEqual(filesOf(directory), []);
        await using spool = store.spool();
        const spec = await received(spool, PAIRS);
        const refused = { ...spec, preconditions: [{ kind: "key_must_exist", key: plainKey(utf8("none")) } as const] };
        assert.equal(await codeOf(() => store.commit(refused)), "precondition_failed");
        await store.close();
        writeFileSync(join(directory, "values", "spool-99.unfinished"), "left over");
        store = await open({ valuesInSegments });
        assert.deepEqual(
          filesOf(directory).filter((name) => name.startsWith("spool-99")),
          [],
        );
        await store.close();
      }));

    test("of a transaction that could not be stored take no room, and the next one of its id is read", () =>
      inDirectory(async (directory) => {
        const { failing, driver } = failingLog();
        const store = await onDisk(directory)({ valuesInSegments, driver });
        await store.commit(setOf(["first", "1"]));
        failing.next = true;
        assert.equal(await codeOf(() => streamed(store, ...PAIRS)), "write_failed");
        assert.ok(!filesOf(directory).includes(segmentOf(2)));
        const { id } = await store.commit(setOf(["second", "2"]));
        assert.equal(id, 2n);
        assert.deepEqual(valueUnder(store, "second"), utf8("2"));
        await streamed(store, ["long", bytesOf(2 * MIB, 8)]);
        assert.ok(equalBytes(valueUnder(store, "long"), bytesOf(2 * MIB, 8)));
        await store.close();
      }));

    test("are removed by a truncation, file and all, and later ones are kept", () =>
      inDirectory(async (directory) => {
        const store = await onDisk(directory)({ valuesInSegments });
        await streamed(store, ["one", bytesOf(2 * MIB, 1)]);
        await store.commit(setOf(["two", "2"]));
        await streamed(store, ["three", bytesOf(2 * MIB, 3)], ["four", utf8("4")]);
        await store.commit(setOf(["five", "5"]));
        await store.truncateBefore(3n);
        assert.equal(await codeOf(() => valueUnder(store, "one")), "value_truncated");
        assert.equal(await codeOf(() => byPieces(store, "one")), "value_truncated");
        assert.ok(!filesOf(directory).includes(segmentOf(1)));
        assert.ok(equalBytes(valueUnder(store, "three"), bytesOf(2 * MIB, 3)));
        assert.deepEqual(valueUnder(store, "four"), utf8("4"));
        assert.deepEqual(valueUnder(store, "five"), utf8("5"));
        await store.truncateBefore(4n);
        assert.equal(await codeOf(() => valueUnder(store, "three")), "value_truncated");
        assert.deepEqual(valueUnder(store, "five"), utf8("5"));
        await store.close();
      }));
  });
}

describe("a value that is read by pieces", () => {
  const damage = (directory: string): void => {
    const path = join(directory, "values", segmentOf(1));
    const bytes = readFileSync(path);
    bytes[2 * MIB] = (bytes[2 * MIB] as number) ^ 1;
    writeFileSync(path, bytes);
  };

  test("is not begun when one of its bytes is wrong, and ends where one is wrong afterwards", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await streamed(store, ["long", bytesOf(3 * MIB)]);
      assert.equal(await codeOf(() => byPieces(store, "long", () => damage(directory))), "damaged");
      assert.equal(await codeOf(() => byPieces(store, "long")), "damaged");
      await store.close();
    }));

  test("may lie in rows of the log, too", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      const value = bytesOf(3 * MIB + 1);
      await store.commit({
        entries: [{ key: plainKey(utf8("rows")), value: plainValue(value), metadata: undefined }],
        preconditions: [],
        metadata: undefined,
      });
      assert.ok(equalBytes(await byPieces(store, "rows"), value));
      assert.deepEqual(filesOf(directory), []);
      await store.close();
    }));

  test("is no longer read when nobody waits for it", () =>
    inDirectory(async (directory) => {
      const store = await onDisk(directory)();
      await streamed(store, ["long", bytesOf(3 * MIB)]);
      const source = store.log.valueSource(1n, 0, plainKey(utf8("long")));
      await assert.rejects(source.check(AbortSignal.abort(new Error("gone"))), /gone/);
      await store.close();
    }));
});

test("transactions that are received at once are bounded, and so is what each keeps in memory", () =>
  inDirectory(async (directory) => {
    const store = await onDisk(directory)();
    const spools = Array.from({ length: VALUE_SPOOLS_MAX }, () => store.spool());
    assert.equal(await codeOf(() => store.spool()), "overloaded");
    await spools[0]?.[Symbol.asyncDispose]();
    await using spool = store.spool();
    assert.ok(spool.takesMemory(VALUE_SPOOL_MEMORY_BYTES_MAX));
    assert.ok(!spool.takesMemory(1));
    for (const other of spools.slice(1)) await other[Symbol.asyncDispose]();
    await store.close();
  }));

/** A log whose next write can be made to fail. */
function failingLog() {
  const failing = { next: false };
  const driver = hooked(lmdbDriver, {
    before: (environment) => {
      if (environment !== "log" || !failing.next) return;
      failing.next = false;
      throw new Error("the disk says no");
    },
  });
  return { failing, driver };
}

test("what is still being received when a store is closed and opened again takes nothing from what comes then", () =>
  inDirectory(async (directory) => {
    const open = onDisk(directory);
    const value = bytesOf(2 * MIB);
    const first = await open();
    const left = first.spool();
    await received(left, [["left", value]]);
    await first.close();
    await using second = await open();
    await using spool = second.spool();
    const spec = await received(spool, [["taken", value]]);
    await left[Symbol.asyncDispose]();
    await second.commit(spec);
    assert.ok(equalBytes(await byPieces(second, "taken"), value));
  }));

test("whoever reads a long value of a store that is closed meanwhile is told so", () =>
  inDirectory(async (directory) => {
    const store = await onDisk(directory)();
    await streamed(store, ["k", bytesOf(2 * MIB)]);
    const source = store.log.valueSource(1n, 0, plainKey(utf8("k")));
    await source.check(NEVER);
    await store.close();
    assert.equal(await codeOf(() => [...source.pieces()]), "closed");
    assert.equal(await codeOf(() => source.check(NEVER)), "closed");
  }));
