// What a damaged row does: reads that depend on it answer `damaged` and say what is damaged, all others go on, and no read ever
// answers with something that was not written.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { concat, equalBytes, toHex, u32, utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { verifyEntryInclusion } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import type { Engine, EngineDriver, Row } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { StoreError } from "../../../src/store/errors.ts";
import {
  entriesKey,
  HISTORY_TABLE,
  historyKey,
  LATEST_TABLE,
  LOG_TABLE,
  META_TABLE,
  treeKey,
  txKey,
  VALUE_PIECE_BYTES_MAX,
  valueKey,
  valuesKey,
  WATERMARK_ROW,
} from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TxLog } from "../../../src/store/tx-log.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { codeOf, inDirectory, NOW_SECONDS, type OpenStore, onDisk, onSimulatedDisk, setOf } from "./support.ts";

/** What every value contains and no error may. */
const SECRET = "secret";
const LONG = `${SECRET} ${"x".repeat(600)}`;
const BIG = `${SECRET} ${"y".repeat(VALUE_PIECE_BYTES_MAX + 1000)}`;

const key = (text: string): Uint8Array => plainKey(utf8(text));

/**
 * The damaged store: 1 inline, 2 in parts, 3 a big value, 4 inline with one long value beside it, 5 and 6 newer versions, 7 the
 * last one.
 */
async function fill(store: Store): Promise<void> {
  const live = { deleted: false, expiresAt: NOW_SECONDS + 1000n, nonIndexable: false };
  await store.commit(setOf(["a", `${SECRET} a1`, live], ["b", `${SECRET} b1`]));
  await store.commit(setOf(...Array.from({ length: 40 }, (_, i) => [`p${i}`, i % 3 === 0 ? LONG : SECRET] as const)));
  await store.commit(setOf(["big", BIG]));
  await store.commit(setOf(["c", LONG], ["d", SECRET]));
  await store.commit(setOf(["a", `${SECRET} a2`]));
  await store.commit(
    setOf(["a", "", { deleted: true, expiresAt: undefined, nonIndexable: false }], ["b", `${SECRET} b2`]),
  );
  await store.commit(setOf(["last", SECRET]));
  await store.settled();
}

/** Every read of the store and what it answers: the answer as a text, or the StoreError. */
type Picture = ReadonlyMap<string, string | StoreError>;

function pictureOf(store: Store, keys: readonly Uint8Array[], txIds: readonly bigint[]): Picture {
  const picture = new Map<string, string | StoreError>();
  const note = (name: string, read: () => unknown): void => {
    try {
      picture.set(name, textOf(read()));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      picture.set(name, error);
    }
  };
  const { log } = store;
  for (const storeKey of keys) {
    const name = utf8ToString(storeKey.subarray(1));
    note(`latest ${name}`, () => store.latest(storeKey));
    note(`value of ${name}`, () => {
      const version = store.latest(storeKey);
      return version === undefined ? "absent" : log.entry(version.txId, version.entry, storeKey);
    });
    note(`old values of ${name}`, () => {
      const last = (store.latest(storeKey)?.revision ?? 1n) - 1n;
      const versions = last === 0n ? [] : store.revisions(storeKey, 1n, last, false);
      return versions.map(({ txId, entry }) => log.entry(txId, entry, storeKey));
    });
    note(`history of ${name}`, () => {
      const latest = store.latest(storeKey);
      return latest === undefined ? "absent" : store.revisions(storeKey, 1n, latest.revision, false);
    });
  }
  notePlaces(note, log);
  for (const reverse of [false, true]) {
    note(`scan, reverse ${reverse}`, () => [...store.scan({ from: undefined, to: undefined, reverse })]);
  }
  for (const txId of txIds) {
    note(`transaction ${txId}`, () => {
      const { header, alh: stored } = log.checkedRecord(txId);
      return { header, stored };
    });
    note(`entries of ${txId}`, () => log.entries(txId, log.checkedRecord(txId)));
    for (const target of txIds) {
      if (target < txId) continue;
      note(`proof ${txId} to ${target}`, () => {
        const [s, t] = [log.header(txId), log.header(target)];
        // A proof is right or there is none: what it says is checked here, as a client would.
        verifyDualProof(buildDualProof(s, t, log), txId, target, alh(s), alh(t));
        return "verified";
      });
    }
  }
  return picture;
}

const PLACES: readonly string[] = Array.from({ length: 40 }, (_, i) => `place of p${i}`);

/** Proofs of the entries of transaction 2, checked as a client would. */
function notePlaces(note: (name: string, read: () => unknown) => void, log: TxLog): void {
  for (let i = 0; i < 40; i++) {
    note(`place of p${i}`, () => {
      const record = log.checkedRecord(2n);
      const { eh, nentries, version } = record.header;
      const proof = log.inclusionProof(2n, log.list(2n, record), key(`p${i}`), i);
      const secret = plainValue(utf8(i % 3 === 0 ? LONG : SECRET));
      const entry = { key: key(`p${i}`), metadata: undefined, hValue: sha256(secret) };
      return verifyEntryInclusion(proof, entryDigest(entry, version), eh, nentries);
    });
  }
}

function textOf(answer: unknown): string {
  return JSON.stringify(answer, (_, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    return value instanceof Uint8Array || isBuffer(value) ? hexOf(value) : value;
  });
}

function isBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === "object" && value !== null && (value as { type?: unknown }).type === "Buffer";
}

function hexOf(value: Uint8Array | { readonly data: readonly number[] }): string {
  const bytes = value instanceof Uint8Array ? value : Uint8Array.from(value.data);
  return bytes.length > 100 ? `${bytes.length} bytes` : toHex(bytes);
}

/** Names of the reads that answer `damaged` now. Every other one answers as before, and no error says what was stored. */
function damagedReads(before: Picture, now: Picture, what: string): string[] {
  const damaged: string[] = [];
  for (const [name, answer] of now) {
    if (answer instanceof StoreError) {
      assert.equal(answer.code, "damaged", `${what}: ${name} answers ${answer.code}`);
      assert.equal(answer.data["database"], "testdb", `${what}: ${name}`);
      assert.match(answer.message, /testdb/);
      assert.ok(!`${answer.message} ${textOf(answer.data)}`.includes(SECRET), "an error never says what was stored");
      assert.ok(!`${answer.message} ${textOf(answer.data)}`.includes(toHex(utf8(SECRET))));
      damaged.push(name);
    } else {
      assert.equal(answer, before.get(name), `${what}: ${name} answers with something that was not written`);
    }
  }
  return damaged;
}

interface Place {
  readonly environment: "log" | "index";
  readonly table: string;
  readonly key: Uint8Array;
}

/** Rewrites one row of a closed store. */
async function rewrite(
  driver: EngineDriver,
  directory: string,
  { environment, table, key: rowKey }: Place,
  change: (value: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  await withEngine(driver, join(directory, environment), async (engine) => {
    const rows = engine.table(table);
    const value = rows.get(rowKey);
    assert.ok(value !== undefined, "there is such a row");
    const changed = change(value);
    await engine.write((batch) => {
      if (changed === undefined) batch.remove(rows, rowKey);
      else batch.put(rows, rowKey, changed);
    });
  });
}

async function withEngine(
  driver: EngineDriver,
  directory: string,
  body: (engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = await driver.open(directory, { durable: true });
  try {
    await body(engine);
  } finally {
    await engine.close();
  }
}

const flipped =
  (at: number, bits = 1) =>
  (value: Uint8Array): Uint8Array => {
    const changed = Uint8Array.from(value);
    changed[at] = (changed[at] as number) ^ bits;
    return changed;
  };

/** Flips a bit of the first byte of `part` inside the row. */
const flippedIn =
  (part: Uint8Array) =>
  (value: Uint8Array): Uint8Array => {
    const at = Buffer.from(value).indexOf(part);
    assert.ok(at >= 0, "the row holds these bytes");
    return flipped(at)(value);
  };

describe("one flipped bit", () => {
  test("anywhere in any row is noticed or changes no answer", async () => {
    const random = new SeededRandom(77);
    const disk = new SimulatedDisk({ random });
    const open: OpenStore = onSimulatedDisk(disk);
    const first = await open();
    await fill(first);
    const keys = [...first.scan({ from: undefined, to: undefined, reverse: false })].map((found) => found.key);
    const txIds = [1n, 2n, 3n, 4n, 5n, 6n, 7n];
    const before = pictureOf(first, keys, txIds);
    for (const [name, answer] of before) assert.ok(typeof answer === "string", `${name} is whole at first`);
    await first.close();

    const rows: (Place & Row)[] = [];
    for (const [environment, tables] of [
      ["log", [LOG_TABLE, META_TABLE]],
      ["index", [LATEST_TABLE, HISTORY_TABLE, META_TABLE]],
    ] as const) {
      await withEngine(disk.driver(), join("simulated", environment), async (engine) => {
        for (const table of tables) {
          for (const row of engine.table(table).range({})) rows.push({ environment, table, ...row });
        }
      });
    }
    assert.ok(rows.length > 40);
    let noticed = 0;
    let refused = 0;
    let flips = 0;
    for (const row of rows) {
      for (const at of positions(row.value.length, random)) {
        const what = `${row.environment}/${row.table} ${toHex(row.key)} byte ${at}`;
        flips++;
        await rewrite(disk.driver(), "simulated", row, flipped(at, 1 << random.below(8)));
        const store = await open().catch((error: unknown) => error);
        if (store instanceof StoreError) {
          assert.ok(["damaged", "format_unsupported"].includes(store.code), `${what}: ${store.code}`);
          refused++;
        } else {
          const damaged = damagedReads(before, pictureOf(store as Store, keys, txIds), what);
          if (damaged.length > 0) noticed++;
          else
            assert.ok(
              row.key.length === WATERMARK_ROW.length && equalBytes(row.key, WATERMARK_ROW),
              `${what}: unnoticed`,
            );
          await (store as Store).close();
        }
        await rewrite(disk.driver(), "simulated", row, () => row.value);
      }
    }
    assert.ok(noticed > 0.7 * flips, `${noticed} of ${flips}, ${refused} refused`);
  });
});

function positions(length: number, random: SeededRandom): Set<number> {
  return new Set([0, length - 1, ...Array.from({ length: 4 }, () => random.below(length))]);
}

/** Another first node in a row of a tree, with the checksum to it. */
function forgedNode(row: Uint8Array): Uint8Array {
  const content = flipped(3)(row.subarray(0, -4));
  return concat(content, u32(crc32(content)));
}

describe("a damaged row", () => {
  /** Runs `body` on a filled store on disk that was closed, had one row changed and was opened again. */
  const afterChange = (
    place: Place,
    change: (value: Uint8Array) => Uint8Array | undefined,
    body: (store: Store, damaged: readonly string[], picture: Picture) => Promise<void> | void,
  ): Promise<void> =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      const first = await open();
      await fill(first);
      const keys = [...first.scan({ from: undefined, to: undefined, reverse: false })].map((found) => found.key);
      const txIds = [1n, 2n, 3n, 4n, 5n, 6n, 7n];
      const before = pictureOf(first, keys, txIds);
      await first.close();
      await rewrite(lmdbDriver, directory, place, change);
      await using store = await open();
      const picture = pictureOf(store, keys, txIds);
      await body(store, damagedReads(before, picture, "the store"), picture);
    });
  const log = (rowKey: Uint8Array): Place => ({ environment: "log", table: LOG_TABLE, key: rowKey });
  const latest = (name: string): Place => ({ environment: "index", table: LATEST_TABLE, key: key(name) });
  const dataOf = (picture: Picture, name: string): unknown => ({ ...(picture.get(name) as StoreError).data });

  for (const [where, place, change, txId, name] of [
    ["inline value", log(txKey(6n)), flippedIn(utf8(`${SECRET} b2`)), 6n, "b"],
    ["value in a row", log(valuesKey(2n, 0)), flippedIn(utf8(SECRET)), 2n, "p1"],
    ["value of its own", log(valueKey(2n, 3, 0)), flippedIn(utf8("xxxx")), 2n, "p3"],
    ["second piece of a value", log(valueKey(3n, 0, 1)), flipped(500), 3n, "big"],
  ] as const) {
    test(`of the class ${where}: only reads of that value fail, and the error names it`, () =>
      afterChange(place, change, (store, damaged, picture) => {
        assert.deepEqual(damaged, [`value of ${name}`]);
        const data = { database: "testdb", txId, what: "value", key: toHex(key(name)) };
        assert.deepEqual(dataOf(picture, `value of ${name}`), data);
        // Its neighbours in the same transaction are read as ever.
        const record = store.log.record(txId);
        store.log.entries(txId, record).forEach((entry, i) => {
          if (!equalBytes(entry.key, key(name))) assert.equal(store.log.value(txId, i).length, entry.vLen);
        });
      }));
  }

  test("of the class header: nothing of that transaction is told, proofs over it fail, the others verify", () =>
    afterChange(log(txKey(3n)), flipped(20), (_, damaged, picture) => {
      assert.ok(
        damaged.includes("transaction 3") && damaged.includes("entries of 3") && damaged.includes("proof 3 to 7"),
      );
      assert.ok(!damaged.includes("value of big"), "a value is checked by its own hash");
      assert.deepEqual(dataOf(picture, "transaction 3"), { database: "testdb", txId: 3n, what: "transaction record" });
      assert.ok(
        !damaged.includes("proof 5 to 6") && !damaged.includes("value of a") && !damaged.includes("transaction 4"),
      );
    }));

  test("of the class history tree node: no proof is made of it", () =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      const first = await open();
      await fill(first);
      const node = first.log.node(1, 0);
      await first.close();
      await rewrite(lmdbDriver, directory, log(txKey(2n)), flippedIn(node));
      await using store = await open();
      assert.equal(await codeOf(() => store.log.node(1, 0)), "damaged");
      const [s, t, u] = [store.log.header(1n), store.log.header(5n), store.log.header(7n)];
      assert.equal(await codeOf(() => buildDualProof(s, u, store.log)), "damaged");
      verifyDualProof(buildDualProof(t, u, store.log), 5n, 7n, alh(t), alh(u));
    }));

  test("that the next transactions would build on is found when the store is opened", () =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      const first = await open();
      await fill(first);
      await first.close();
      // Transaction 4 completed the root of the first four leaves.
      await rewrite(lmdbDriver, directory, log(txKey(4n)), () => undefined);
      await assert.rejects(open(), (error: unknown) => {
        assert.ok(error instanceof StoreError && error.code === "damaged");
        assert.equal(error.data["txId"], 4n);
        return true;
      });
    }));

  test("of the class entry: the entries that share its row are not told, transactions beside it are", () =>
    afterChange(log(entriesKey(2n, 1)), flippedIn(utf8("p33")), (_, damaged, picture) => {
      const lost = [32, 33, 34, 35, 36, 37, 38, 39].map((i) => `value of p${i}`).concat(PLACES);
      assert.deepEqual([...damaged].sort(), [...lost, "entries of 2"].sort());
      assert.deepEqual(dataOf(picture, "value of p33"), { database: "testdb", txId: 2n, what: "entries" });
    }));

  test("of the class entries tree: no entry is proven with it, all are told", () =>
    afterChange(log(treeKey(2n, 0)), flipped(3), (store, damaged, picture) => {
      // The first node of level 3 is in the path of the second eight leaves; the checksum covers its whole row.
      assert.deepEqual([...damaged].sort(), [...PLACES].sort());
      assert.deepEqual(dataOf(picture, "place of p9"), { database: "testdb", txId: 2n, what: "entries tree" });
      assert.equal(store.log.entries(2n, store.log.record(2n)).length, 40);
    }));

  test("of the class entries tree is found by the root when its checksum holds", () =>
    afterChange(log(treeKey(2n, 0)), forgedNode, (_, damaged, picture) => {
      assert.ok(damaged.includes("place of p9") && !damaged.includes("place of p1"));
      assert.deepEqual(dataOf(picture, "place of p9"), { database: "testdb", txId: 2n, what: "entries" });
    }));

  test("of the index names the key, and what does not need the row is read", () =>
    afterChange(latest("b"), flipped(2), (store, damaged, picture) => {
      const lost = [
        "latest b",
        "value of b",
        "old values of b",
        "history of b",
        "scan, reverse false",
        "scan, reverse true",
      ];
      assert.deepEqual([...damaged].sort(), lost.sort());
      assert.deepEqual(dataOf(picture, "latest b"), { database: "testdb", what: "index", key: toHex(key("b")) });
      assert.equal([...store.scan({ from: key("c"), to: undefined, reverse: false })].length, 43);
    }));

  test("of the index's history spoils the history that holds it", () => {
    const place: Place = { environment: "index", table: HISTORY_TABLE, key: historyKey(key("a"), 1n) };
    return afterChange(place, flipped(2), async (store, damaged) => {
      assert.deepEqual(damaged, ["old values of a", "history of a"]);
      assert.equal(await codeOf(() => store.revisions(key("a"), 2n, 3n, false)), "none");
    });
  });

  test("that is a watermark leads to a new index", () => {
    const place: Place = { environment: "index", table: META_TABLE, key: WATERMARK_ROW };
    return afterChange(
      place,
      () => utf8("garbage"),
      (store, damaged) => {
        assert.deepEqual(damaged, []);
        assert.equal(store.indexed, 7n);
      },
    );
  });

  test("that states another format is refused", () =>
    inDirectory(async (directory) => {
      await (await onDisk(directory)()).close();
      const place: Place = { environment: "log", table: META_TABLE, key: utf8("format") };
      await rewrite(lmdbDriver, directory, place, () => Uint8Array.of(0, 0, 0, 2));
      assert.equal(await codeOf(onDisk(directory)), "format_unsupported");
      await rewrite(lmdbDriver, directory, place, () => Uint8Array.of(1));
      assert.equal(await codeOf(onDisk(directory)), "format_unsupported");
      await rewrite(lmdbDriver, directory, place, () => Uint8Array.of(0, 0, 0, 1));
      await (await onDisk(directory)()).close();
    }));

  test("that is lost is damage, not absence", async () => {
    const gone = (): undefined => undefined;
    await afterChange(log(txKey(3n)), gone, (_, damaged) => {
      assert.ok(
        damaged.includes("transaction 3") && damaged.includes("value of big") && !damaged.includes("value of c"),
      );
    });
    await afterChange(log(entriesKey(2n, 1)), gone, (_, damaged) => {
      const lost = [32, 33, 34, 35, 36, 37, 38, 39].map((i) => `value of p${i}`).concat(PLACES);
      assert.deepEqual([...damaged].sort(), [...lost, "entries of 2"].sort());
    });
    await afterChange(log(treeKey(2n, 0)), gone, (_, damaged) => {
      assert.equal(damaged.filter((name) => name.startsWith("place of p")).length, 40);
    });
    await afterChange(log(valuesKey(2n, 8)), gone, (_, damaged) => {
      const short = [32, 34, 35].map((i) => `value of p${i}`);
      assert.deepEqual([...damaged].sort(), short.sort());
    });
    await afterChange(log(valueKey(3n, 0, 0)), gone, (_, damaged) => {
      assert.deepEqual(damaged, ["value of big"]);
    });
    const history: Place = { environment: "index", table: HISTORY_TABLE, key: historyKey(key("b"), 1n) };
    await afterChange(history, gone, (_, damaged) => {
      assert.deepEqual(damaged, ["old values of b", "history of b"]);
    });
  });
});

describe("the end of a damaged log", () => {
  test("is not built on: its last transaction must fit the chain before it, nodes and all", () =>
    inDirectory(async (directory) => {
      const open = onDisk(directory);
      const first = await open();
      for (let i = 0; i < 8; i++) await first.commit(setOf(["k", String(i)]));
      const node = first.log.node(3, 0);
      await first.close();
      // On purpose, with a checksum that fits: only the digests can tell.
      const place: Place = { environment: "log", table: LOG_TABLE, key: txKey(8n) };
      const original: Uint8Array[] = [];
      await rewrite(lmdbDriver, directory, place, (value) => {
        original.push(value);
        return withFittingChecksum(flippedIn(node)(value), value);
      });
      await assert.rejects(open(), (error: unknown) => {
        assert.ok(error instanceof StoreError && error.code === "damaged");
        assert.deepEqual({ ...error.data }, { database: "testdb", txId: 8n, what: "chain" });
        return true;
      });
      await rewrite(lmdbDriver, directory, place, () => original[0]);
      await using again = await open();
      assert.equal((await again.commit(setOf(["k", "next"]))).id, 9n);
    }));
});

/** The changed record with the checksum of its head made right: the head ends where the old checksum stands. */
function withFittingChecksum(changed: Uint8Array, original: Uint8Array): Uint8Array {
  for (let end = 1; end + 4 <= original.length; end++) {
    const head = original.subarray(0, end);
    if (Buffer.from(original).readUInt32BE(end) !== crc32(head)) continue;
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(changed.subarray(0, end)));
    return concat(changed.subarray(0, end), checksum, changed.subarray(end + 4));
  }
  return assert.fail("no checksum in the record");
}
